/**
 * Healing: gaps of recordings are filled later, from what sources still have of the past.
 * In: streams, events, settings. Out: the feature. docs/decisions/0112.
 */

import type { GapNote } from '../../api/healing/gap-notes.ts';
import { healingEvents } from '../../api/healing/healing-events.ts';
import { printRfc3339 } from '../../api/instant.ts';
import { healedRecording } from '../../archive/recording-locations.ts';
import { withoutForeign } from '../../cluster/bus/shadow.ts';
import { NOT_HEALED } from '../../config/heal-from.ts';
import { timelineRoutes } from '../../http/routes/streams/timeline.ts';
import { sleep } from '../../lib/abort.ts';
import { reportBug } from '../../observe/errors/report-bug.ts';
import { recoverStream } from '../../recording/recovery.ts';
import { sealOf } from '../../store/sealed/text-seal.ts';
import type { ManagedStream } from '../../streams/managed-stream.ts';
import type { AppContext } from '../core.ts';
import { type CoreParts, defineFeature, type OpenFeature } from '../feature.ts';
import { labelOf } from './file/heal-file.ts';
import { type HealFile, openHealFile } from './file/open-heal-file.ts';
import { healFileRoutes } from './file/routes.ts';
import { type GapRecord, GapTable } from './gap-table.ts';
import { healGap, type MissingPiece } from './heal-gap.ts';
import { Healer, type HealerOptions } from './healer.ts';
import { healingMetrics } from './metrics.ts';
import { healSection } from './settings.ts';
import { sourcesOf, sumOfSources } from './sources.ts';

/** All streams are looked at this often, ms: what a disk lost is no event. */
const LOOK_EVERY_MS = 3_600_000;
/** A stream is looked at this long after the start, ms: its source delivers what it still lists. */
const START_MS = 10_000;

/** What is open. */
export interface Healing {
  readonly healer: Healer;
  readonly table: GapTable;
  readonly healFile: HealFile;
}

/** Opens it; gaps are filled from `start` on. */
async function openHealing(app: AppContext, parts: CoreParts): Promise<OpenFeature<Healing>> {
  const { settings, clock, log, metrics, opened, failed } = app;
  const { store, net, bus, catalog, recordings, hooks } = parts;
  const table = new GapTable(store.rows);
  const deps = { net, clock, log, config: () => settings.now };
  const heal = oneAtATime(attempts(app, parts));
  const healer = new Healer({
    clock,
    table,
    recordings,
    streams: () => catalog.all,
    async sourcesOf(stream) {
      const { record, healFrom = [] } = stream.definition;
      const isOn = record && settings.now.heal.enabled && !healFrom.includes(NOT_HEALED);
      return isOn ? sourcesOf(deps, stream, healFrom) : [];
    },
    sumOf: ({ definition: { source, healFrom = [] } }) => sumOfSources(source, healFrom, sealOf(store.db)),
    forMs: () => settings.now.heal.for,
    heal,
    tried({ name }, { fromUs, toUs, state, reason }) {
      metrics.healingAttempts.inc({ stream: name, result: state });
      const gap = { stream: name, from: printRfc3339(fromUs / 1000), to: printRfc3339(toUs / 1000) };
      if (state !== 'waiting') log.info({ ...gap, state, reason }, 'the healing of a gap has ended');
    },
    failed: failed('healing a recording'),
  });
  opened.defer(metrics.beforeScrape(() => metrics.healingWaiting.set(healer.waiting)));
  const subscription = await withoutForeign(bus).subscribe({
    event({ event }) {
      // Changed settings may have other sources.
      const isOther = event.type === 'stream.live' || event.type === 'stream.changed';
      const isEnd = event.type === 'stream.gap' ? event.data.to !== null : isOther;
      if (isEnd && event.stream !== null && settings.now.heal.enabled) healer.lookSoon(event.stream);
    },
  });
  opened.defer(() => subscription.close());
  hooks.gapNotes = async (streamId, fromUs, toUs) =>
    (await table.between(streamId, fromUs, toUs)).flatMap((gap) => noteOf(gap) ?? []);
  hooks.horizons.add((streamId, us) => table.removeBefore(streamId, us));
  const healFile = openHealFile({
    clock,
    recordings,
    stream: (name) => catalog.get(name),
    heal,
    maxBytes: () => settings.now.heal.maxBytes,
  });
  return { own: { healer, table, healFile }, start: () => startHealing(app, parts, healer) };
}

/** Two attempts never write into the same gap. */
function oneAtATime(heal: HealerOptions['heal']): HealerOptions['heal'] {
  let last: Promise<unknown> = Promise.resolve();
  return (...args) => {
    const attempt = last.then(() => heal(...args));
    last = attempt.catch(() => {});
    return attempt;
  };
}

/** What users read of a gap; undefined: it is filled. */
function noteOf({ fromUs, toUs, state, attempts: made, nextUs, reason }: GapRecord): GapNote | undefined {
  if (state === 'healed') return undefined;
  const nextAt = nextUs > 0 ? printRfc3339(nextUs / 1000) : null;
  return { fromUs, toUs, note: { state, attempts: made, nextAt, reason } };
}

/** Makes attempts, within the limits of the settings. */
function attempts(
  { settings, clock, log, metrics }: AppContext,
  { recordings, streams, bus }: CoreParts,
): HealerOptions['heal'] {
  const recovered = new Set<string>();
  return async (stream, gap, sources, { signal: outer }) => {
    const { maxBytes, maxTime: maxMs, for: forMs } = settings.now.heal;
    const { id } = stream.definition;
    if (!recovered.has(id)) {
      // A file that a killed process left open has the numbers that are next: the start reads only new ones.
      const { segments, table, chunks, erasures } = recordings;
      const recording = { segments, streamId: healedRecording(id), table, chunks, inits: stream.served.inits };
      const sinceUs = (clock.nowMs() - forMs) * 1000;
      await recoverStream({ ...recording, erased: erasures.of(id) }, sinceUs, { signal: outer });
      recovered.add(id);
    }
    const signal = AbortSignal.any([outer, AbortSignal.timeout(maxMs)]);
    let healedUs = 0;
    const deps = {
      recordings,
      reader: recordings.reader,
      clock,
      config: settings.now,
      mayWrite: () => streams.deps.room.mayWrite(id),
      found(source: string, us: number, piece: MissingPiece) {
        healedUs += us;
        metrics.healedSeconds.inc({ stream: stream.name, source: labelOf(source) }, us / 1e6);
        const data = { from: printRfc3339(piece.fromUs / 1000), to: printRfc3339(piece.toUs / 1000) };
        const { kind: cause } = piece;
        bus.publish('recording.healed', { ...data, seconds: us / 1e6, source, cause }, stream.definition);
      },
      bug: (error: unknown) =>
        reportBug({ metrics, log }, error, { stream: stream.name }, 'an attempt to heal a gap has ended: a bug'),
    };
    try {
      return await healGap(deps, stream, gap, sources, { maxBytes, maxMs, signal });
    } catch (error) {
      if (outer.aborted || !signal.aborted) throw error;
      const reason = 'the limit of time ended the attempt';
      const missingUs = Math.max(1, gap.toUs - gap.fromUs - healedUs);
      return { healedUs, missingUs, reason, mayComeLater: true };
    }
  };
}

function startHealing({ clock, opened, shutdown, failed }: AppContext, { catalog }: CoreParts, healer: Healer): void {
  const { signal } = shutdown;
  const lookAt = (streams: readonly ManagedStream[]) => {
    for (const { name } of streams) healer.lookSoon(name);
  };
  const run = async () => {
    await sleep(START_MS, { signal });
    lookAt(catalog.all);
    let lookedMs = clock.monotonicMs();
    while (!signal.aborted) {
      await healer.work({ signal });
      if (clock.monotonicMs() - lookedMs > LOOK_EVERY_MS) {
        lookAt(catalog.all);
        lookedMs = clock.monotonicMs();
      }
      await healer.pause(LOOK_EVERY_MS, { signal });
    }
  };
  const ended = run().catch((error: unknown) => {
    if (!signal.aborted) failed('healing recordings')(error);
  });
  opened.use(shutdown.owns(ended));
}

/** The feature. */
export const healing = defineFeature<Healing>({
  name: 'healing',
  routes: healFileRoutes,
  after: timelineRoutes,
  adds: { settings: { heal: healSection }, metrics: healingMetrics, events: healingEvents },
  open: openHealing,
});

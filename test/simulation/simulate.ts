/**
 * Runs oxbow's streams, from playlist to chunk file, against a simulated source over virtual hours.
 * In: a seed. Out: what was recorded, listed and served, to be judged.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { printMediaPlaylist } from '@oxbow/media/m3u8/print';
import { seeded } from '@oxbow/media/random.fixture';
import { renditionsOf } from '@oxbow/media/rendition-set';
import { loadConfig } from '../../src/config/load.ts';
import { hlsMediaPlaylist } from '../../src/delivery/format/hls-media.ts';
import { livePresentation } from '../../src/delivery/live/live-presentation.ts';
import { samplesOf } from '../../src/packager/packager.fixture.ts';
import type { RecordedGroup } from '../../src/recording/recording-reader.ts';
import { Retention } from '../../src/recording/retention.ts';
import { readTimeline, type Timeline } from '../../src/recording/timeline.ts';
import { runSource } from '../../src/streams/source/sources.ts';
import { openStreams, type StreamsRig, temporaryFolder } from '../../src/streams/streams.fixture.ts';
import { VirtualTime } from '../fixtures/virtual-time.ts';
import { EPOCH_MS, type ServedList, SimulatedOrigin, SOURCE_URL } from './origin.ts';
import { type FrameName, nameOf, planSource, type SourcePlan } from './source-plan.ts';

const NAME = 'tv';
/** Virtual time between looks at the disk: at each all that was published is written. */
const STEP_MS = 30_000;
const RETENTION_EVERY_MS = 600_000;
const DOWN_MS = 3000;
/** Longer than any simulation: its renewals were two thirds of all statements of the database. */
const LEASE_TTL_MS = 1_000_000_000;

/** A frame of the source that was found in the recording. */
export type FoundFrame = NonNullable<ReturnType<typeof nameOf>>;

/** A recorded group, taken apart. */
export interface FoundGroup {
  readonly msn: number;
  /** Which process of oxbow recorded it, from 0. */
  readonly process: number;
  /** The wall clock when it was announced, µs since 1970. */
  readonly sealedUs: number;
  readonly startUs: number;
  readonly endUs: number;
  readonly video: readonly FoundFrame[];
  readonly audio: readonly FoundFrame[];
}

/** What is left to judge when the simulation is over. */
export interface Outcome {
  readonly plan: SourcePlan;
  readonly served: readonly ServedList[];
  /** When each process of oxbow ended, ms since the simulation began. */
  readonly processEnds: readonly number[];
  /** All that can be played, oldest first. */
  readonly groups: readonly FoundGroup[];
  readonly timeline: Timeline;
  /** UTC at the end, µs since 1970. */
  readonly nowUs: number;
  /** Texts of each live list, by its name, oldest first. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
  /** Segments of the stream that no retention may have deleted yet. */
  readonly kept: readonly number[];
  /** Names under which two different segments were announced. */
  readonly reused: readonly number[];
}

/** A process of oxbow in the simulation. */
interface Process {
  readonly rig: StreamsRig;
  readonly retention: Retention;
}

/**
 * Plays the plan of a seed.
 *
 * @param endMs where to stop, ms since the simulation began; its end where left out
 */
export async function simulate(seed: number, endMs?: number): Promise<Outcome> {
  const random = seeded(seed);
  const whole = planSource(seed, random);
  const plan = endMs === undefined ? whole : { ...whole, endMs };
  const lists = new Map<string, string[]>();
  /** By MSN: which process announced it, when by the wall clock, and the CRC-32 of what it was. */
  const announced = new Map<
    number,
    { readonly process: number; readonly sealedUs: number; readonly atMs: number; readonly sum: number }
  >();
  const reused: number[] = [];
  const processEnds: number[] = [];
  let rig: StreamsRig | undefined;
  let offsetMs = 0;
  using time = new VirtualTime(
    (ms) => rig?.clock.advance(ms),
    () => random(2 ** 20) / 2 ** 20,
  );
  const origin = new SimulatedOrigin(plan, () => time.nowMs);
  await using folders = new AsyncDisposableStack();
  let folder = folders.use(await temporaryFolder()).path;

  const { config } = await loadConfig({});
  const begin = async (): Promise<Process> => {
    const opened = await openStreams({
      folder,
      // As long as the source's segments, or two of them: hours of short ones would take too long.
      config: { hls: { ...config.hls, segmentDuration: 1000 * plan.segmentS * (plan.isTs ? 2 : 1) } },
      nowMs: EPOCH_MS + time.nowMs + offsetMs,
      leaseTtlMs: LEASE_TTL_MS,
      runSource: (definition, input, options) =>
        runSource({ ...opened.deps, net: origin.net, awaitReturn: true }, definition, input, options),
      closed: true,
    });
    rig = opened;
    await opened.control.open();
    if (!opened.catalog.find(NAME)) await opened.api.create(NAME, { source: { type: 'pull', url: SOURCE_URL } });
    opened.catalog.get(NAME).served.list.copied.subscribe((change) => {
      if (change.do !== 'seal') return;
      const { msn, tracks } = change.group;
      const sum = tracks.reduce((crc, { bytes }) => crc32(bytes, crc), 0);
      if ((announced.get(msn)?.sum ?? sum) !== sum) reused.push(msn);
      announced.set(msn, { process: origin.process, sealedUs: opened.clock.nowMs() * 1000, atMs: time.nowMs, sum });
    });
    const { clock, recordings } = opened.deps;
    const { table, chunks, pins, horizons } = recordings;
    const retention = new Retention({
      segments: opened.deps.recordings.segments,
      table,
      chunks,
      clock,
      horizons,
      settings: { now: { record: { maxDisk: undefined } } },
      pinned: (id) => pins.ranges(id),
      streams: () => opened.catalog.recordings.retentionRules,
      open: (id) => opened.catalog.recordings.oldestOpen(id),
      onDeletedBefore: (id, us) => opened.catalog.recordings.setDeletedBefore(id, us),
      release() {},
      deleted() {},
      failed: (error) => {
        throw error;
      },
    });
    return { rig: opened, retention };
  };

  let process = await begin();
  const steps = [...plan.clockSteps];
  const breaks = [...plan.breaks];
  /** When the stream was made. */
  let madeMs = 0;
  let retentionAtMs = RETENTION_EVERY_MS;
  while (time.nowMs < plan.endMs) {
    const nextMs = Math.min(
      plan.endMs,
      time.nowMs + STEP_MS,
      steps[0]?.atMs ?? Number.POSITIVE_INFINITY,
      breaks[0]?.atMs ?? Number.POSITIVE_INFINITY,
    );
    await time.runUntil(nextMs);
    await process.rig.settle();
    if (steps[0] && steps[0].atMs <= time.nowMs) {
      const { byMs } = steps.shift()!;
      offsetMs += byMs;
      process.rig.clock.step(byMs);
    }
    if (breaks[0] && breaks[0].atMs <= time.nowMs) {
      const { how } = breaks.shift()!;
      processEnds.push(time.nowMs);
      if (how === 'recreate') madeMs = time.nowMs;
      if (how === 'recreate') await process.rig.api.remove(NAME, { recordings: 'delete' });
      if (how === 'kill') folder = folders.use(await process.rig.crash()).path;
      await process.rig[Symbol.asyncDispose]();
      rig = undefined;
      await time.runUntil(time.nowMs + DOWN_MS);
      origin.process += 1;
      process = await begin();
    }
    if (time.nowMs >= retentionAtMs) {
      retentionAtMs = time.nowMs + RETENTION_EVERY_MS;
      await process.retention.pass();
    }
    captureList(process.rig, lists);
  }
  processEnds.push(time.nowMs);
  const stream = process.rig.catalog.get(NAME);
  const nowUs = Math.round(process.rig.clock.nowMs() * 1000);
  const recorded = await stream.served.recording.between(0, Number.MAX_SAFE_INTEGER);
  const groups = await readGroups(folder, recorded, (msn) => announced.get(msn) ?? { process: -1, sealedUs: 0 });
  const timeline = await readTimeline(
    stream.served.recording,
    process.rig.deps.recordings.chunks,
    stream.served.timelineEnd,
    0,
    Math.max(nowUs, stream.served.recording.endUs) + 1,
  );
  const keptFromMs = Math.max(madeMs, time.nowMs - config.record.keep);
  // A process knows the monotonic time of what it recorded itself.
  const isKept = ({ atMs, process: by }: { atMs: number; process: number }) =>
    by === origin.process && atMs > keptFromMs;
  const kept = [...announced].flatMap(([msn, segment]) => (isKept(segment) ? [msn] : []));
  await process.rig[Symbol.asyncDispose]();
  return { plan, served: origin.served, processEnds, groups, timeline, nowUs, lists, kept, reused };
}

/** Notes the live list as it is now, where it is another than before. */
function captureList(rig: StreamsRig, lists: Map<string, string[]>): void {
  const { list } = rig.catalog.get(NAME).served;
  const view = list.generation && list.view(list.generation.number);
  const rendition = view && renditionsOf(view.tracks).all[0];
  if (!rendition || view.segments.length === 0) return;
  const name = `/live/${NAME}/${rendition.id}/g${view.generation.number}.m3u8`;
  const text = new TextDecoder().decode(
    printMediaPlaylist(hlsMediaPlaylist(livePresentation(view), rendition.id, { folderOf: () => '' })),
  );
  const texts = lists.get(name) ?? [];
  if (texts.at(-1) !== text) lists.set(name, [...texts, text]);
}

async function readGroups(
  folder: string,
  groups: readonly RecordedGroup[],
  announcedAs: (msn: number) => Pick<FoundGroup, 'process' | 'sealedUs'>,
): Promise<FoundGroup[]> {
  const found: FoundGroup[] = [];
  for (const group of groups) {
    await using file = await open(join(folder, group.location));
    const names: Record<FrameName['kind'], FoundFrame[]> = { video: [], audio: [] };
    for (const { offset, length } of group.tracks) {
      const bytes = new Uint8Array(length);
      await file.read(bytes, 0, length, offset);
      for (const { data } of samplesOf(bytes)) {
        const name = nameOf(data);
        if (name) names[name.kind].push(name);
      }
    }
    const { msn, startUs, durationUs } = group;
    found.push({
      msn,
      process: announcedAs(msn).process,
      sealedUs: announcedAs(msn).sealedUs,
      startUs,
      endUs: startUs + durationUs,
      ...names,
    });
  }
  return found;
}

/**
 * The buffers and delays of a stream, for the API.
 * In: managed streams. Out: the JSON of api/inspect-shapes. Never an address of a source or a publisher.
 */
import type {
  StreamBackpressure,
  StreamBuffer,
  StreamParameters,
  StreamRecovery,
  StreamSync,
} from '../../api/inspect-shapes.ts';
import { printRfc3339 } from '../../api/instant.ts';
import type { TimelineView } from '../../api/shapes.ts';
import { OxbowError } from '../../lib/errors.ts';
import { PressureGauge } from '../../live/pressure.ts';
import type { LiveSegment } from '../../packager/live-segment.ts';
import { startsWithKey } from '../../recording/recording-reader.ts';
import type { Catalog } from '../../streams/catalog.ts';
import type { ManagedStream } from '../../streams/managed-stream.ts';
import { timeOf, withoutAddresses } from '../../streams/public-values.ts';
import { lastKeyFrame } from './key-frame.ts';
import { parametersOf } from './parameters.ts';

const DAY_MS = 86_400_000;
/** Recorded media that is searched for a key frame, µs. */
const KEY_WITHIN_US = 60_000_000;

/** What streams hold and how they keep up; each call refuses `stream-unknown`. */
export interface InspectApi {
  buffer(name: string): StreamBuffer;
  sync(name: string): StreamSync;
  parameters(name: string): StreamParameters;
  backpressure(name: string): StreamBackpressure;
  recovery(name: string): Promise<StreamRecovery>;
  /** When the newest picture that is recorded was shown, ms since 1970. Refuses `no-media`. */
  newestPicture(name: string): number;
  /** The same for the last key frame that is recorded. Refuses `no-media`. */
  newestKeyPicture(name: string): Promise<number>;
  /** The last key frame as it was sent, see key-frame.ts. Refuses `no-media`. */
  keyFrame(name: string): Uint8Array;
}

/** @param timeline reads the timeline of a stream, for its gaps; ms since 1970 */
export function createInspectApi(
  clock: { nowMs(): number },
  catalog: Pick<Catalog, 'get'>,
  timeline: (name: string, fromMs: number, toMs: number) => Promise<TimelineView>,
): InspectApi {
  return {
    buffer: (name) => bufferOf(catalog.get(name)),
    sync: (name) => syncOf(catalog.get(name)),
    parameters: (name) =>
      ({ tracks: catalog.get(name).served.list.tracks.map(parametersOf) }) satisfies StreamParameters,
    backpressure: (name) => backpressureOf(catalog.get(name)),
    async recovery(name) {
      const stream = catalog.get(name);
      const nowMs = clock.nowMs();
      const { gaps } = await timeline(name, nowMs - DAY_MS, nowMs);
      return recoveryOf(stream, gaps);
    },
    newestPicture(name) {
      const { recording } = catalog.get(name).served;
      if (recording.endUs === 0) throw nothing(name);
      return recording.endUs / 1000 - 1;
    },
    async newestKeyPicture(name) {
      const { recording } = catalog.get(name).served;
      const groups = await recording.between(recording.endUs - KEY_WITHIN_US, recording.endUs);
      const group = groups.findLast(startsWithKey);
      if (!group) throw nothing(name);
      return group.startUs / 1000;
    },
    keyFrame: (name) => lastKeyFrame(name, catalog.get(name).served.list),
  };
}

function nothing(name: string): OxbowError {
  return new OxbowError('no-media', `Nothing of ${name} is recorded.`);
}

function bytesOf({ sealed, parts }: LiveSegment): number {
  const tracks = sealed ? [...sealed.tracks.values()] : [...parts.values()].flat();
  return tracks.reduce((sum, { length }) => sum + length, 0);
}

function bufferOf({ stream, served: { list }, files }: ManagedStream): StreamBuffer {
  const { gop } = stream.sinks.pressure();
  const [reference] = list.tracks;
  return {
    gop: {
      kept: gop.isKept,
      gops: gop.gops,
      frames: gop.frames,
      bytes: gop.bytes,
      seconds: Math.round(gop.seconds * 1000) / 1000,
      tooLarge: gop.isTooLarge,
    },
    window: {
      generation: list.generation?.number ?? null,
      ended: list.ended,
      memoryBytes: list.memoryBytes,
      segments: list.segments.map((segment) => ({
        msn: segment.msn,
        at: timeOf(segment.startUs),
        duration: segment.sealed ? segment.sealed.durationUs / 1e6 : null,
        bytes: bytesOf(segment),
        parts: (reference && segment.parts.get(reference.id)?.length) ?? 0,
        inMemory: segment.bytes !== undefined || segment.sealed === undefined,
        discontinuity: segment.discontinuity,
      })),
    },
    recorder: { waitingBytes: files.backlog.bytes },
  };
}

function syncOf({ stream, served, measure, publishers }: ManagedStream): StreamSync {
  const { context, skewUs } = stream.placement;
  const { figures } = measure;
  const { drift, avOffsetMs } = measure.clocks;
  const { active } = publishers;
  const meters = active?.connection.meter.trackMeters ?? [];
  const tenths = (value: number | undefined) => (value === undefined ? null : Math.round(value * 10) / 10);
  const runs = new Map<number, StreamSync['runs'][number]>();
  for (const { msn, run } of served.list.segments) {
    if (!runs.has(run.id)) runs.set(run.id, { run: run.id, firstMsn: msn, utcOffset: run.utcOffsetUs / 1e6 });
  }
  return {
    run: context
      ? {
          id: context.run.id,
          utcOffset: context.run.utcOffsetUs / 1e6,
          clock: context.run.clock,
          since: timeOf(context.startUs),
        }
      : null,
    skew: skewUs === undefined ? null : skewUs / 1000,
    drift: tenths(drift?.ppm),
    driftOver: drift ? Math.round(drift.seconds) : null,
    avOffset: tenths(avOffsetMs),
    audioOffset: active?.connection.meter.audioOffsetMs ?? 0,
    audioBehind: figures?.audioBehindMs ? { ...figures.audioBehindMs } : null,
    jitter: figures?.jitterMs === undefined ? null : Math.round(figures.jitterMs * 1000) / 1000,
    tracks: (context?.tracks ?? []).map(({ id, kind, timescale }) => {
      const dtsMs = meters.find(({ track }) => track.id === id)?.dtsMs;
      return { id, kind, timescale, lastDts: dtsMs === undefined || Number.isNaN(dtsMs) ? null : dtsMs / 1000 };
    }),
    runs: [...runs.values()],
  };
}

function backpressureOf({ stream, files: { backlog } }: ManagedStream): StreamBackpressure {
  const { level, memory, totalMemory, sinks } = stream.sinks.pressure();
  const gauge = new PressureGauge(backlog.maxBytes);
  gauge.set(backlog.bytes);
  return {
    level,
    memory: finite(memory),
    totalMemory: finite(totalMemory),
    recorder: { ...backlog, level: gauge.level },
    sinks: sinks.map((sink) => ({ ...sink, maxBytes: finiteBytes(sink.maxBytes) })),
  };
}

/** A budget without a bound has the bound 0 in JSON. */
function finite<B extends { readonly maxBytes: number }>(budget: B): B {
  return { ...budget, maxBytes: finiteBytes(budget.maxBytes) };
}

function finiteBytes(bytes: number): number {
  return Number.isFinite(bytes) ? bytes : 0;
}

function recoveryOf(
  { status: { state, problem }, measure, definition }: ManagedStream,
  gaps: TimelineView['gaps'],
): StreamRecovery {
  const { recovery } = measure;
  const byCause = new Map<string, StreamRecovery['lastDay'][number]>();
  for (const { cause, from, to, merged } of gaps) {
    const sum = byCause.get(cause) ?? { cause, gaps: 0, seconds: 0 };
    sum.gaps += merged ?? 1;
    sum.seconds += (Date.parse(to) - Date.parse(from)) / 1000;
    byCause.set(cause, sum);
  }
  return {
    state,
    problem: withoutAddresses(problem, definition.source),
    since: printRfc3339(recovery.sinceMs),
    counts: { ...recovery.counts },
    lastDay: [...byCause.values()].map((sum) => ({ ...sum, seconds: Math.round(sum.seconds * 1000) / 1000 })),
    events: recovery.entries.map(({ atMs, kind, detail }) => ({
      at: printRfc3339(atMs),
      kind,
      detail: withoutAddresses(detail, definition.source),
    })),
  };
}

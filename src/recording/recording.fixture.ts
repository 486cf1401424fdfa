/**
 * A recording for a test: data folder, store, index, recorder and a manual clock; and generated groups.
 * In: options of a test. Out: what was written and reported. Used by tests only.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'node:test';
import { crc32 } from 'node:zlib';
import type { Frame, Track } from '@oxbow/media/frame';
import { fragmentLength, printFragment } from '@oxbow/media/isobmff/fragment';
import { audioTrack, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { usToTicks } from '@oxbow/media/run';
import type { Init, SegmentGroup, TrackSegment } from '@oxbow/media/segment';
import { recordingPrefix } from '../archive/recording-locations.ts';
import type { SegmentStore } from '../archive/segment-store.ts';
import { type Engine, engines, holdSyncs } from '../archive/segment-stores.fixture.ts';
import { createManualClock, type ManualClock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { createSilentLog } from '../observe/log.ts';
import { openStore, type Store } from '../store/db.ts';
import { LEASE_TTL_MS, serveHere } from '../store/store.fixture.ts';
import { ChunkQueries } from './chunks/chunk-queries.ts';
import { ChunkTable } from './chunks/chunk-table.ts';
import { Recorder, type RecorderOptions } from './recorder.ts';
import { RecordingReader } from './recording-reader.ts';

/** Where the groups of tests begin, µs since 1970: twenty seconds before a ten-minute mark. */
export const START_US = 1_794_999_580_000_000;

/** A folder that is removed after the test. */
export interface Folder extends AsyncDisposable {
  readonly path: string;
}

/** Creates a temporary folder. */
export async function temporaryFolder(): Promise<Folder> {
  const made = await mkdtemp(path.join(tmpdir(), 'oxbow-recording-'));
  return { path: made, [Symbol.asyncDispose]: () => rm(made, { recursive: true, force: true, maxRetries: 5 }) };
}

/** The configuration of the tracks of `groupAt`. */
export function initOf(tracks: readonly Track[] = [videoTrack, audioTrack], number = 1): Init {
  return { number, hash: String(number).padStart(64, '0'), tracks };
}

/** Properties of a generated group. */
export interface GroupPlan {
  readonly msn: number;
  /** µs since 1970. */
  readonly startUs: number;
  /** Default 2 s. */
  readonly durationUs?: number;
  readonly run?: number;
  readonly init?: Init;
  /** Starts with a key frame; the default. */
  readonly key?: boolean;
  /** Bytes of each of its five video frames. */
  readonly frameBytes?: number;
  readonly gaps?: SegmentGroup['gaps'];
  readonly discontinuitySequence?: number;
}

/** A group of five video frames and their audio; the UTC offset is 0, so that media time is UTC. */
export function groupAt(plan: GroupPlan): SegmentGroup {
  const { msn, startUs, durationUs = 2_000_000, run = 1, key = true, frameBytes = 64, gaps = [] } = plan;
  const init = plan.init ?? initOf();
  const tracks = init.tracks.map((track): TrackSegment => {
    const count = track.kind === 'video' ? 5 : 4;
    const first = usToTicks(startUs, track.timescale);
    const end = usToTicks(startUs + durationUs, track.timescale);
    const frames = Array.from({ length: count }, (_, i): Frame => {
      const dts = first + Math.round(((end - first) * i) / count);
      const next = first + Math.round(((end - first) * (i + 1)) / count);
      const data = new Uint8Array(track.kind === 'video' ? frameBytes : 32).fill(msn + i);
      const isKey = track.kind === 'audio' || (key && i === 0);
      return { trackId: track.id, dts, pts: dts, duration: next - dts, key: isKey, data };
    });
    const bytes = new Uint8Array(new SharedArrayBuffer(fragmentLength(frames)));
    printFragment(bytes, 0, { sequence: 1, trackId: track.id, tfdt: first, frames });
    const independent = frames[0]!.key;
    const segment = { tfdt: first, duration: end - first, firstPtsOffset: 0, samples: count };
    return { trackId: track.id, bytes, ...segment, independent, damaged: false, crc: crc32(bytes) };
  });
  return {
    msn,
    run: { id: run, utcOffsetUs: 0, clock: 'source' },
    init,
    startUs,
    durationUs,
    discontinuity: false,
    discontinuitySequence: plan.discontinuitySequence ?? 0,
    tracks,
    gaps,
  };
}

/** `count` groups one after the other. */
export function groupsFrom(plan: GroupPlan, count: number): SegmentGroup[] {
  const { durationUs = 2_000_000 } = plan;
  return Array.from({ length: count }, (_, i) =>
    groupAt({
      ...plan,
      msn: plan.msn + i,
      startUs: plan.startUs + i * durationUs,
      gaps: i === 0 ? (plan.gaps ?? []) : [],
    }),
  );
}

/** A recording under test. */
export interface RecordingRig extends AsyncDisposable {
  readonly folder: string;
  readonly segments: SegmentStore;
  readonly store: Store & AsyncDisposable;
  readonly table: ChunkTable;
  readonly chunks: ChunkQueries;
  readonly clock: ManualClock;
  readonly recording: RecordingReader;
  readonly recorder: Recorder;
  /** MSNs, in the order in which they were committed. */
  readonly committed: number[];
  /** Other reports of the recorder: `lost disk: …`, `trouble: …`, `slow true`. */
  readonly reports: string[];
  /** Names of the stored chunk files, relative to the recording of the stream, sorted. */
  files(): Promise<string[]>;
}

/** Options of `openRig`. */
export interface RigChange extends Partial<RecorderOptions> {
  /** A folder that a rig before this one used. */
  readonly folder?: string;
  readonly endUs?: number;
  /** Where media is stored; files if not given. */
  readonly engine?: Engine;
  /** What each sync of a new file waits for. */
  readonly beforeSync?: () => Promise<void>;
}

/**
 * Opens a recording in a new folder. Disposing ends the recorder and removes the folder unless it was given.
 */
export async function openRig(change: RigChange = {}): Promise<RecordingRig> {
  const own = change.folder === undefined ? await temporaryFolder() : undefined;
  const folder = change.folder ?? own!.path;
  const { engine = engines[0]!, beforeSync, segments = engine.open(folder) } = change;
  if (beforeSync) holdSyncs(segments, beforeSync);
  const file = path.join(folder, 'oxbow.db');
  const store = await openStore({ file, log: createSilentLog(), start: serveHere, leaseTtlMs: LEASE_TTL_MS });
  const table = new ChunkTable(store.rows);
  const chunks = new ChunkQueries(store.rows);
  const clock = createManualClock(START_US / 1000);
  const recording = new RecordingReader({ streamId: 's', chunks, endUs: change.endUs ?? 0 });
  const committed: number[] = [];
  const reports: string[] = [];
  const recorder = new Recorder({
    recording,
    table,
    segments,
    sync: 'off',
    clock,
    previousMsn: 0,
    mayWrite: () => true,
    onCommitted: (msn) => committed.push(msn),
    counters: {
      committed() {},
      lost: (cause, detail) => reports.push(`lost ${cause}: ${detail}`),
      trouble: (detail) => reports.push(`trouble: ${detail}`),
      bug: (error) => reports.push(`bug: ${messageOf(error)}`),
      slow: (isSlow) => reports.push(`slow ${isSlow}`),
    },
    ...change,
  });
  return {
    folder,
    segments,
    store,
    table,
    chunks,
    clock,
    recording,
    recorder,
    committed,
    reports,
    async files() {
      const prefix = recordingPrefix('s');
      const locations = await Array.fromAsync(segments.list(prefix));
      return locations.filter((name) => name.endsWith('.mp4')).map((name) => name.slice(prefix.length));
    },
    async [Symbol.asyncDispose]() {
      await recorder[Symbol.asyncDispose]();
      await segments[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await own?.[Symbol.asyncDispose]();
    },
  };
}

/**
 * A suite that runs on every engine; its tests open their recordings with the function that they are given.
 */
export function suiteOnEngines(name: string, tests: (open: typeof openRig, engine: Engine) => void): void {
  for (const engine of engines) {
    suite(`${name}, on ${engine.name}`, () => tests((change) => openRig({ engine, ...change }), engine));
  }
}

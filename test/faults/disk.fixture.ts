/**
 * A recording over a given file layer: recorder, chunk writer, segment store, index and recovery, with an
 * oracle of what was listed.
 * In: Files, a store, a stream. Out: a recorder; checks of what a viewer would get. Used by the disk tests of
 * this folder.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { SegmentGroup } from '@oxbow/media/segment';
import type { SyncPolicy } from '../../src/archive/chunk-writer.ts';
import { openLocalSegmentStore } from '../../src/archive/local-segment-store.ts';
import type { SegmentStore } from '../../src/archive/segment-store.ts';
import { createManualClock, type ManualClock } from '../../src/lib/clock.ts';
import { messageOf, OxbowError } from '../../src/lib/errors.ts';
import type { Files } from '../../src/lib/files/files.ts';
import { ChunkQueries } from '../../src/recording/chunks/chunk-queries.ts';
import { ChunkTable } from '../../src/recording/chunks/chunk-table.ts';
import { openInitTable } from '../../src/recording/init-table.ts';
import { Recorder } from '../../src/recording/recorder.ts';
import { groupAt, initOf, START_US } from '../../src/recording/recording.fixture.ts';
import { type RecordedGroup, RecordingReader } from '../../src/recording/recording-reader.ts';
import { type Recovered, recoverStream } from '../../src/recording/recovery.ts';
import type { Store } from '../../src/store/db.ts';

/** Seconds of a group: four of them fill a file. */
const GROUP_S = 15;

/** SHA-256 of the tracks of a group, hex, in one text. */
const hashOf = (tracks: readonly Uint8Array[]): string => {
  const hash = createHash('sha256');
  for (const bytes of tracks) hash.update(bytes);
  return hash.digest('hex');
};

/**
 * Group number `index` of the test recording: file after file, a new run in the middle, a ten-minute mark
 * after 20 s.
 */
export function groupNumber(index: number): SegmentGroup {
  const run = index < 6 ? 1 : 2;
  return groupAt({
    msn: 100 + index,
    startUs: START_US + index * GROUP_S * 1_000_000,
    durationUs: GROUP_S * 1_000_000,
    run,
    init: initOf(),
    frameBytes: 2500 + 40 * index,
    discontinuitySequence: run - 1,
  });
}

/** A recording under test. */
export interface DiskRecording extends AsyncDisposable {
  readonly segments: SegmentStore;
  readonly recording: RecordingReader;
  readonly table: ChunkTable;
  readonly chunks: ChunkQueries;
  /** SHA-256 of the groups that were listed as recorded, by MSN. It is kept outside of what is tested. */
  readonly listed: ReadonlyMap<number, string>;
  /** Other reports: `lost disk: …`, `trouble: …`, `bug: …`. */
  readonly reports: readonly string[];
  /** Writes a group and resolves when it is on disk or lost. */
  write(index: number): Promise<void>;
  /** Seals and closes. */
  close(): Promise<void>;
}

/** Options of a recording. */
export interface DiskOptions {
  readonly files: Files;
  readonly folder: string;
  readonly store: Store;
  readonly streamId: string;
  readonly sync?: SyncPolicy;
  /** Called when a group is listed. */
  readonly onListed?: (msn: number, hash: string) => void;
  /** Called after a row was written. */
  readonly onIndexed?: () => void;
}

export function openDiskRecording({
  files,
  folder,
  store,
  streamId,
  sync = 'segment',
  onListed,
  onIndexed,
}: DiskOptions): DiskRecording {
  const segments = openLocalSegmentStore({ folder, files });
  const table = new ChunkTable(store.rows);
  const chunks = new ChunkQueries(store.rows);
  const clock: ManualClock = createManualClock(START_US / 1000);
  const recording = new RecordingReader({ streamId, chunks, endUs: 0 });
  const listed = new Map<number, string>();
  const reports: string[] = [];
  let writing: SegmentGroup | undefined;
  const recorder = new Recorder({
    recording,
    segments,
    sync,
    clock,
    previousMsn: 0,
    mayWrite: () => true,
    table: {
      async put(...args) {
        await table.put(...args);
        onIndexed?.();
      },
    },
    onCommitted(msn) {
      const hash = hashOf(writing!.tracks.map(({ bytes }) => bytes));
      listed.set(msn, hash);
      onListed?.(msn, hash);
    },
    counters: {
      committed() {},
      lost: (cause, detail) => reports.push(`lost ${cause}: ${detail}`),
      trouble: (detail) => reports.push(`trouble: ${detail}`),
      bug: (error) => reports.push(`bug: ${messageOf(error)}`),
      slow: (isSlow) => reports.push(`slow ${isSlow}`),
    },
  });
  return {
    segments,
    recording,
    table,
    chunks,
    listed,
    reports,
    async write(index) {
      writing = groupNumber(index);
      recorder.write(writing);
      while (!recorder.isQuiet) await new Promise(setImmediate);
      clock.advance(GROUP_S * 1000);
    },
    close: () => recorder[Symbol.asyncDispose](),
    async [Symbol.asyncDispose]() {
      await recorder[Symbol.asyncDispose]();
      await segments[Symbol.asyncDispose]();
    },
  };
}

/** Reads groups as a viewer does. @returns SHA-256, or undefined for a group that cannot be read now */
export async function readGroup(segments: SegmentStore, group: RecordedGroup): Promise<string | undefined> {
  const tracks: Uint8Array[] = [];
  for (const { offset, length } of group.tracks) {
    try {
      const bytes = await segments.read(group.location, { offset, length });
      if (bytes.length !== length) return `${bytes.length} of ${length} bytes`;
      tracks.push(bytes);
    } catch (error) {
      if (error instanceof OxbowError || (error as NodeJS.ErrnoException).syscall !== undefined) return undefined;
      throw error;
    }
  }
  return hashOf(tracks);
}

/** Recovers a recording, as a start does. */
export async function recover(segments: SegmentStore, store: Store, streamId: string): Promise<Recovered> {
  const failed = (error: unknown) => assert.fail(String(error));
  const inits = await openInitTable(store.rows, streamId, { failed, nowMs: () => START_US / 1000 });
  const table = new ChunkTable(store.rows);
  const chunks = new ChunkQueries(store.rows);
  return recoverStream({ segments, streamId, table, chunks, inits }, 0, { signal: new AbortController().signal });
}

/**
 * Asserts that every listed group is there with its bytes.
 * @param kept whether a group must be there; default all
 */
export async function assertListed(
  { recording, segments }: Pick<DiskRecording, 'recording' | 'segments'>,
  listed: ReadonlyMap<number, string>,
  what: string,
): Promise<void> {
  for (const [msn, hash] of listed) {
    const group = await recording.find(msn);
    assert.ok(group, `${what}: segment ${msn} was listed and is missing`);
    assert.equal(await readGroup(segments, group), hash, `${what}: the bytes of segment ${msn}`);
  }
}

/** Asserts that the groups and the gaps with cause `disk` cover [first, last] without a hole. */
export async function assertNoHole(recording: RecordingReader, last: number, what: string): Promise<void> {
  const groups = await recording.between(0, Number.MAX_SAFE_INTEGER);
  let atUs = groupNumber(0).startUs;
  for (const { startUs, durationUs, gaps, msn } of groups) {
    for (const { fromUs, toUs, cause } of gaps) {
      assert.ok(fromUs <= atUs, `${what}: nothing is known of ${atUs} before segment ${msn}`);
      assert.equal(cause, 'disk', what);
      atUs = Math.max(atUs, toUs);
    }
    assert.equal(startUs, atUs, `${what}: the start of segment ${msn}`);
    atUs = startUs + durationUs;
  }
  const { startUs, durationUs } = groupNumber(last);
  assert.equal(atUs, startUs + durationUs, `${what}: the end`);
}

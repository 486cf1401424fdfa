/**
 * Retention for a test: its reports, and recordings with files at the ends of windows.
 * In: a recording rig. Out: what was deleted. Used by tests only.
 */
import assert from 'node:assert/strict';
import { Horizons } from './horizons.ts';
import { Recorder } from './recorder.ts';
import { groupsFrom, type RecordingRig } from './recording.fixture.ts';
import { RecordingReader } from './recording-reader.ts';
import { Retention, type RetentionOptions } from './retention.ts';

/** A second, µs. */
export const SECOND = 1_000_000;
/** A minute, µs. */
export const MINUTE = 60 * SECOND;
/** A window, µs. */
export const WINDOW = 600 * SECOND;
/** A ten-minute mark. */
export const MARK = 1_795_000_200_000_000;

/** Retention under test, and what it reports. */
export interface Watch {
  readonly retention: Retention;
  readonly options: RetentionOptions;
  readonly deleted: [files: number, bytes: number][];
  readonly deletedBefore: [streamId: string, us: number][];
  readonly released: string[];
  readonly failures: unknown[];
}

/** Retention of the stream `s`. */
export function watch(
  rig: RecordingRig,
  { maxDisk, ...change }: Partial<RetentionOptions> & { readonly maxDisk?: number } = {},
): Watch {
  const deleted: Watch['deleted'] = [];
  const deletedBefore: Watch['deletedBefore'] = [];
  const released: string[] = [];
  const failures: unknown[] = [];
  const { segments, table, chunks, clock } = rig;
  const options: RetentionOptions = {
    segments,
    table,
    chunks,
    clock,
    horizons: new Horizons({ clock }),
    settings: { now: { record: { maxDisk } } },
    streams: () => [{ streamId: 's', keepMs: 3600_000 }],
    onDeletedBefore: (streamId, us) => deletedBefore.push([streamId, us]),
    release: (file) => released.push(file),
    deleted: (files, bytes) => deleted.push([files, bytes]),
    failed: (error) => failures.push(error),
    ...change,
  };
  return { retention: new Retention(options), options, deleted, deletedBefore, released, failures };
}

/** Records a file of two groups in each window, the last group over the window's end, and seals. */
export async function record(rig: RecordingRig, windows: number, streamId = 's', firstMsn = 1): Promise<void> {
  const { table, chunks, segments } = rig;
  const recording = new RecordingReader({ streamId, chunks, endUs: 0 });
  const counters = { committed() {}, lost: assert.fail, trouble: assert.fail, bug: assert.fail, slow() {} };
  await using recorder = new Recorder({
    recording,
    table,
    segments,
    counters,
    clock: rig.clock,
    previousMsn: 0,
    sync: 'off',
    onCommitted() {},
    mayWrite: () => true,
  });
  for (let i = 0; i < windows; i++) {
    const plan = { msn: firstMsn + i * 2, startUs: MARK + i * WINDOW + 597 * SECOND, run: i + 1 };
    for (const group of groupsFrom(plan, 2)) recorder.write(group);
  }
}

/** Sets the clock to `us`. */
export function goTo(rig: RecordingRig, us: number): void {
  rig.clock.advance(us / 1000 - rig.clock.nowMs());
}

/** First MSNs of the files in the index. */
export const msnsOf = async (rig: RecordingRig, streamId = 's') =>
  (await rig.chunks.between(streamId, 0, Number.MAX_SAFE_INTEGER)).map((row) => row.first_msn);

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecordingReader } from '../../recording/recording-reader.ts';
import { extentsOf } from './erase-scope.ts';

const SECOND_US = 1_000_000;

/** A recording of segments of two seconds that begin at these seconds. */
function recordingOf(starts: readonly number[], healed?: RecordingReader): RecordingReader {
  const groups = starts.map((s, msn) => ({ msn, startUs: s * SECOND_US, durationUs: 2 * SECOND_US, gaps: [] }));
  const recorded: unknown = async (fromUs: number, toUs: number) =>
    groups.filter(({ startUs, durationUs }) => startUs < toUs && startUs + durationUs > fromUs);
  return { recorded, healed } as RecordingReader;
}

test('media that was found later is deleted in all of the range, also where the stream recorded nothing', async () => {
  const found = recordingOf([100, 102, 108, 110, 120]);
  const range = { fromUs: 101 * SECOND_US, toUs: 111 * SECOND_US };
  for (const starts of [[104, 106], []]) {
    const { later } = await extentsOf(recordingOf(starts, found), range);
    assert.deepEqual([later?.fromUs, later?.toUs], [100 * SECOND_US, 112 * SECOND_US]);
  }
  const { recorded, later } = await extentsOf(recordingOf([104, 106]), range);
  assert.deepEqual([recorded?.segments, later], [2, undefined]);
});

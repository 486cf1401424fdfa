import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { recordingOf } from './recording.fixture.ts';
import { recordedMedia } from './stored-media.ts';

/** The first number of segments that were found later. */
const FOUND = 2 ** 44;

/** Starts of the pieces in [`fromS`, `toS`), seconds. */
async function starts({ parts }: ReturnType<typeof recordingOf>, fromS: number, toS: number): Promise<number[]> {
  const read: number[] = [];
  const { signal } = new AbortController();
  for await (const { frames } of recordedMedia(parts, toS * 1e6).pieces(fromS * 1e6, { signal }))
    read.push(frames[0]!.pts / 90_000);
  return read;
}

suite('the recording that a channel plays', () => {
  test('continues after a gap that was found later, whose segments have larger numbers', async () => {
    const recording = recordingOf([1, 2, FOUND, FOUND + 1, 3, 4, 5, 6, 7]);
    assert.deepEqual(await starts(recording, 5, 90), [0, 10, 20, 30, 40, 50, 60, 70, 80]);
  });

  test('is not looked through any more after an abort, where nothing was recorded', async () => {
    const recording = recordingOf([]);
    const stop = new AbortController();
    const pieces = recordedMedia(recording.parts, 86_400e6).pieces(0, stop)[Symbol.asyncIterator]();
    const coming = pieces.next();
    stop.abort();
    await assert.rejects(coming, { name: 'AbortError' });
    assert.ok(recording.queries() <= 2, `${recording.queries()} queries`);
  });
});

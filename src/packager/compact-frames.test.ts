import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { NUMBERS_PER_SAMPLE } from '@oxbow/media/isobmff/fragment';
import { CompactFrames } from './compact-frames.ts';

/** @param bytes each is the index of the frame */
const frame = (i: number, bytes: number): Frame => ({
  trackId: 2,
  dts: 2 ** 40 + i * 1024,
  pts: 2 ** 40 + i * 1024 + (i % 3),
  duration: 1024 + (i % 2),
  key: i % 4 !== 1,
  data: new Uint8Array(bytes).fill(i),
});

/** What is held, as frames. */
function framesOf({ numbers, count, bytes }: CompactFrames): Frame[] {
  let from = 0;
  return Array.from({ length: count }, (_, i) => {
    const [dts, pts, duration, key, length] = numbers.subarray(i * NUMBERS_PER_SAMPLE);
    const data = bytes.slice(from, from + length!);
    from += length!;
    return { trackId: 2, dts: dts!, pts: pts!, duration: duration!, key: key === 1, data };
  });
}

test('frames come back as they were, also more and larger ones than it has room for, and again', () => {
  const waiting = new CompactFrames();
  assert.equal(waiting.firstDts, undefined);
  for (const count of [1, 300, 0, 5]) {
    const frames = Array.from({ length: count }, (_, i) => frame(i, i === 7 ? 50_000 : i * 3));
    for (const each of frames) waiting.push(each);
    assert.deepEqual([waiting.count, waiting.firstDts], [count, frames[0]?.dts]);
    assert.deepEqual(framesOf(waiting), frames);
    waiting.clear();
    assert.deepEqual([waiting.count, waiting.bytes.length], [0, 0]);
  }
});

test('the bytes are copied: the memory of what was pushed may be used again', () => {
  const waiting = new CompactFrames();
  const pushed = frame(3, 4);
  waiting.push(pushed);
  pushed.data.fill(9);
  assert.deepEqual(framesOf(waiting)[0]!.data, new Uint8Array([3, 3, 3, 3]));
});

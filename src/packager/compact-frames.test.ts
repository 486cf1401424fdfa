import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
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

test('frames come back as they were, also more and larger ones than it has room for, and again', () => {
  const waiting = new CompactFrames(2);
  assert.equal(waiting.firstDts, undefined);
  for (const count of [1, 300, 0, 5]) {
    const frames = Array.from({ length: count }, (_, i) => frame(i, i === 7 ? 50_000 : i * 3));
    for (const each of frames) waiting.push(each);
    assert.deepEqual([waiting.length, waiting.firstDts], [count, frames[0]?.dts]);
    assert.deepEqual(waiting.take(), frames);
    assert.equal(waiting.length, 0);
  }
});

test('the bytes are copied: the memory of what was pushed may be used again', () => {
  const waiting = new CompactFrames(2);
  const pushed = frame(3, 4);
  waiting.push(pushed);
  pushed.data.fill(9);
  assert.deepEqual(waiting.take()[0]!.data, new Uint8Array([3, 3, 3, 3]));
});

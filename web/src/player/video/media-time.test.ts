import assert from 'node:assert/strict';
import { test } from 'node:test';
import { positionOf, timeAt } from './media-time.ts';

const base = 1_795_160_400_000;
// Three fragments of 2 s, then a hole of a minute that the playlist leaves out, then two more.
const list = [0, 2, 4, 66, 68].map((second, index) => ({
  start: index * 2,
  duration: 2,
  programDateTime: base + second * 1000,
}));

test('media time continues over a hole while UTC jumps', () => {
  assert.equal(timeAt(list, 5.5), base + 5_500);
  assert.equal(timeAt(list, 6), base + 66_000);
  assert.equal(timeAt(list, 7.25), base + 67_250);
});

test('time and position are inverse in every fragment', () => {
  for (const seconds of [0, 1.5, 5.999, 6, 9.5]) {
    assert.ok(Math.abs(positionOf(list, timeAt(list, seconds)!)! - seconds) < 1e-6, `${seconds} s`);
  }
});

test('a time in the hole maps to the first frame after it', () => {
  assert.equal(positionOf(list, base + 30_000), 6);
});

test('outside of the playlist there is no position, and time continues from the nearest fragment', () => {
  assert.equal(positionOf(list, base - 1), null);
  assert.equal(positionOf(list, base + 70_000), null);
  assert.equal(timeAt(list, 11), base + 71_000);
  assert.equal(timeAt(list, -1), base - 1_000);
});

test('a playlist without dates maps nothing', () => {
  const bare = [{ start: 0, duration: 2, programDateTime: null }];
  assert.equal(timeAt(bare, 1), null);
  assert.equal(positionOf(bare, base), null);
});

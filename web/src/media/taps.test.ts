import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Tap, TapReader } from './taps.ts';

const read = (...taps: [atMs: number, x: number, touch?: boolean][]) => {
  const reader = new TapReader();
  return taps.map(([atMs, x, touch = true]) => reader.read({ atMs, x, touch } satisfies Tap));
};

test('two mouse clicks are full screen anywhere, a third is single again', () => {
  assert.deepEqual(read([0, 0.1, false], [200, 0.1, false], [350, 0.1, false]), ['single', 'fullscreen', 'single']);
});

test('two taps at a side seek, and each further one seeks again', () => {
  assert.deepEqual(read([0, 0.1], [200, 0.2], [700, 0.1], [2_000, 0.1]), ['single', 'back', 'back', 'single']);
  assert.deepEqual(read([0, 0.9], [200, 0.9]), ['single', 'forward']);
});

test('two taps in the middle are full screen', () => {
  assert.deepEqual(read([0, 0.5], [200, 0.55]), ['single', 'fullscreen']);
});

test('taps far apart, in time or place, are single', () => {
  assert.deepEqual(read([0, 0.1], [400, 0.1]), ['single', 'single']);
  assert.deepEqual(read([0, 0.1], [200, 0.9]), ['single', 'single']);
  assert.deepEqual(read([0, 0.1], [100, 0.1], [300, 0.9]), ['single', 'back', 'single']);
  assert.deepEqual(read([0, 0.1, false], [100, 0.1, true]), ['single', 'single']);
});

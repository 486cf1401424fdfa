import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BARS, BLOCK_MS, blockOf, levelsOf } from './levels.ts';

test('the loudest bar is 1, silence is 0, and what is not recorded is nothing', () => {
  const rateHz = 1_000;
  // Starts a second before the block and ends after half of it; loud in its first second, at half the
  // loudness in the second.
  const samples = new Float32Array(6_000).map(
    (_, i) => (i < 2_000 ? 0.8 : i < 3_000 ? 0.4 : 0) * (i % 2 === 0 ? 1 : -1),
  );
  const levels = levelsOf(samples, rateHz, 9_000, 10_000);
  assert.equal(levels.length, BARS);
  const at = (ms: number) => levels[Math.floor((ms * BARS) / BLOCK_MS)];
  assert.deepEqual([at(500), at(3_000), at(5_500)], [1, 0, null]);
  assert.ok(Math.abs(at(1_500)! - 0.5) < 0.01, `${at(1_500)}`);
});

test('silence is not made loud, and blocks are on a grid', () => {
  assert.ok(levelsOf(new Float32Array(10_000), 1_000, 0, 0).every((level) => level === 0));
  assert.equal(blockOf(1_795_160_409_999), 1_795_160_400_000);
});

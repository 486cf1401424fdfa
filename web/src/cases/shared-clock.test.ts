import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layOutClock } from './shared-clock.ts';

const rounded = ({ start, width }: { readonly start: number; readonly width: number }) => [
  Math.round(start * 100) / 100,
  Math.round(width * 100) / 100,
];

test('ranges that overlap share one line', () => {
  const clock = layOutClock([
    { fromMs: 1000, toMs: 3000 },
    { fromMs: 0, toMs: 2000 },
  ]);
  assert.deepEqual(clock.cuts, []);
  assert.deepEqual(rounded(clock.place({ fromMs: 1000, toMs: 3000 })), [33.33, 66.67]);
  assert.equal(clock.at(-5), 0);
  assert.equal(clock.at(9000), 100);
});

test('days between two ranges take a twenty-fifth of their length, and a short pause its own', () => {
  const day = 86_400_000;
  const apart = layOutClock([
    { fromMs: 0, toMs: 1000 },
    { fromMs: 3 * day, toMs: 3 * day + 1000 },
  ]);
  assert.deepEqual(apart.cuts.map(rounded), [[48.08, 3.85]]);
  assert.deepEqual(rounded(apart.place({ fromMs: 3 * day, toMs: 3 * day + 1000 })), [51.92, 48.08]);
  const near = layOutClock([
    { fromMs: 0, toMs: 1000 },
    { fromMs: 1010, toMs: 2000 },
  ]);
  assert.deepEqual([near.cuts, near.at(1010)], [[], 50.5]);
});

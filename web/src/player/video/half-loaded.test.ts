import assert from 'node:assert/strict';
import { test } from 'node:test';
import { halfLoaded } from './half-loaded.ts';

const loaded = (...ranges: readonly (readonly [number, number])[]): TimeRanges => ({
  length: ranges.length,
  start: (i) => ranges[i]![0],
  end: (i) => ranges[i]![1],
});
const segments = [8, 10, 12, 14].map((start) => ({ start, duration: 2 }));

test('a position before the Part at which its segment was joined drops the segment', () => {
  const buffered = loaded([11, 16]);
  for (const atS of [10, 10.4, 10.999]) {
    assert.deepEqual(halfLoaded(atS, { buffered, segments }), { fromS: 10, toS: 11.95 }, `${atS}`);
  }
});

test('any other position drops nothing', () => {
  const buffered = loaded([9, 9.5], [11, 16]);
  for (const atS of [9.2, 9.7, 11, 15.9, 17, 2]) {
    assert.equal(halfLoaded(atS, { buffered, segments }), null, `${atS}`);
  }
  assert.equal(halfLoaded(10.4, { buffered: loaded(), segments }), null, 'nothing is loaded');
  assert.equal(halfLoaded(10.4, { buffered: loaded([11.99, 16]), segments }), null, 'only the next segment is loaded');
});

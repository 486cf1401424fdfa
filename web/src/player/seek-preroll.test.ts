import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seekPreroll } from './seek-preroll.ts';

const loaded = (...ranges: readonly (readonly [number, number])[]): TimeRanges => ({
  length: ranges.length,
  start: (i) => ranges[i]![0],
  end: (i) => ranges[i]![1],
});

test('a position just before loaded media is reached from further back', () => {
  const buffered = loaded([200, 220]);
  assert.ok(Math.abs(seekPreroll(199.98, { buffered, fromS: 0 })! - 199.85) < 1e-9);
  assert.ok(Math.abs(seekPreroll(199.901, { buffered, fromS: 0 })! - 199.85) < 1e-9);
});

test('any other position is reached directly', () => {
  const buffered = loaded([100, 110], [200, 220]);
  for (const toS of [105, 200, 219.9, 230, 199.8, 150, 100]) {
    assert.equal(seekPreroll(toS, { buffered, fromS: 0 }), null, `${toS}`);
  }
  assert.equal(seekPreroll(5, { buffered: loaded(), fromS: 0 }), null);
});

test('there is nothing before the list, and nothing to fetch for a hole', () => {
  assert.equal(seekPreroll(199.98, { buffered: loaded([200, 220]), fromS: 199.9 }), null);
  assert.equal(seekPreroll(199.98, { buffered: loaded([190, 199.9], [200, 220]), fromS: 0 }), null);
});

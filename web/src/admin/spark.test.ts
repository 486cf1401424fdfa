import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sample } from '../api/admin.ts';
import { gapBars, SPARK, SPARK_MS, sparkPath, sumOf, withSample } from './spark.ts';

const nowMs = Date.UTC(2026, 10, 20, 12);
const iso = (beforeS: number) => new Date(nowMs - beforeS * 1000).toISOString();

test('samples older than the chart are dropped', () => {
  const old: Sample = { atMs: nowMs - SPARK_MS - 1, value: 1 };
  const young: Sample = { atMs: nowMs - 1000, value: 2 };
  const newest: Sample = { atMs: nowMs, value: 3 };
  assert.deepEqual(withSample([old, young], newest), [young, newest]);
});

test('the line ends on the right, rises with the value, and breaks at a missing value', () => {
  const at = (beforeS: number, value: number | null): Sample => ({ atMs: nowMs - beforeS * 1000, value });
  assert.equal(sparkPath([at(300, 0), at(0, 10)], nowMs), 'M60 28L120 2.5');
  assert.equal(sparkPath([at(300, 10), at(200, null), at(0, 10)], nowMs).match(/M/g)!.length, 2);
  assert.equal(sparkPath([], nowMs), '');
});

test('a gap is drawn at its time, wide enough to be seen, but not outside of the chart', () => {
  const [bar] = gapBars([{ from: iso(300), to: iso(240) }], nowMs);
  assert.deepEqual(bar, { x: 60, width: 12 });
  assert.equal(gapBars([{ from: iso(10), to: iso(9.9) }], nowMs)[0]!.width, 1.5);
  assert.deepEqual(gapBars([{ from: iso(1200), to: iso(1100) }], nowMs), []);
  assert.equal(gapBars([{ from: iso(1200), to: iso(300) }], nowMs)[0]!.width, SPARK.width / 2);
});

test('merged gaps are counted individually', () => {
  const gap = { cause: 'source-silent' as never, detail: '' };
  assert.deepEqual(
    sumOf([
      { ...gap, from: iso(20), to: iso(18) },
      { ...gap, from: iso(9), to: iso(4), merged: 3 },
    ]),
    {
      count: 4,
      seconds: 7,
    },
  );
});

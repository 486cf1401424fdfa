import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bucketsOf, type HeatBucket, heatCells, heatLevelAt, heatPeaks, heatRequest } from './heat.ts';

const STEP_MS = 10_000;
const DAY_MS = 86_400_000;
/** Buckets of ten seconds from 0 on. */
const heats = (...heat: readonly number[]): readonly HeatBucket[] =>
  heat.map((each, index) => ({ fromMs: index * STEP_MS, toMs: (index + 1) * STEP_MS, heat: each }));

test('cells show shares of the hottest bucket, and equal neighbours are one cell', () => {
  const cells = heatCells(heats(0, 10, 10, 100, 0), { fromMs: 0, toMs: 50_000 });
  assert.deepEqual(cells, [
    { level: 1, left: 20, width: 40 },
    { level: 5, left: 60, width: 20 },
  ]);
});

test('a cell keeps its level when the hottest bucket is outside of the view', () => {
  const buckets = heats(100, 20, 0, 20);
  assert.deepEqual(heatCells(buckets, { fromMs: 10_000, toMs: 50_000 }), [
    { level: 1, left: 0, width: 25 },
    { level: 1, left: 50, width: 25 },
  ]);
});

test('a bucket at the edge of the view is cut', () => {
  const [cell] = heatCells(heats(5), { fromMs: 5_000, toMs: 15_000 });
  assert.deepEqual(cell, { level: 5, left: 0, width: 50 });
});

test('a past that was never watched has no cells and no peaks', () => {
  assert.deepEqual(heatCells(heats(0, 0), { fromMs: 0, toMs: 20_000 }), []);
  assert.deepEqual(heatCells([], { fromMs: 0, toMs: 20_000 }), []);
  assert.deepEqual(heatPeaks(heats(0, 0), 5), []);
});

test('peaks are the hottest parts, each to where half of it was watched', () => {
  const peaks = heatPeaks(heats(0, 60, 100, 50, 10, 0, 40, 0, 5), 5);
  assert.deepEqual(peaks, [
    { fromMs: 10_000, toMs: 40_000, topMs: 20_000, heat: 100 },
    { fromMs: 60_000, toMs: 70_000, topMs: 60_000, heat: 40 },
  ]);
  assert.equal(heatPeaks(heats(1, 0, 1, 0, 1), 2).length, 2);
});

test('the slopes of a peak are no peaks', () => {
  const peaks = heatPeaks(heats(31, 35, 40, 45, 100, 45, 40, 35, 60), 5);
  assert.deepEqual(
    peaks.map(({ topMs }) => topMs),
    [40_000, 80_000],
  );
});

test('a peak ends at a hole of the list, and another one may follow', () => {
  const [one, , three] = heats(10, 0, 10);
  assert.deepEqual(
    heatPeaks([one!, three!], 5).map(({ fromMs, toMs }) => [fromMs, toMs]),
    [
      [0, 10_000],
      [20_000, 30_000],
    ],
  );
});

test('a request covers half a view on both sides, on a grid', () => {
  const view = { fromMs: 7_200_000, toMs: 10_800_000 };
  const request = heatRequest(view, 0, 20_000_000)!;
  assert.deepEqual(request, { fromMs: 5_400_000, toMs: 12_600_000, stepS: 15 });
  assert.deepEqual(heatRequest({ fromMs: 7_205_000, toMs: 10_805_000 }, 0, 20_000_000)!.fromMs, request.fromMs);
  assert.equal(heatRequest(view, 30_000_000, 30_000_000), null);
  const long = heatRequest({ fromMs: 0, toMs: 100 * DAY_MS }, 0, 100 * DAY_MS)!;
  assert.equal(long.toMs - long.fromMs, 31 * DAY_MS);
});

test('the level at a time is that of its cell', () => {
  const buckets = heats(0, 7, 70);
  assert.deepEqual(
    [5_000, 15_000, 25_000, 35_000].map((atMs) => heatLevelAt(buckets, atMs)),
    [0, 1, 5, 0],
  );
});

test('buckets are those of the answer', () => {
  const items = [{ at: '1970-01-01T00:00:10.000Z', share: 0.5 }];
  assert.deepEqual(bucketsOf({ items, step: 5 }), [{ fromMs: 10_000, toMs: 15_000, heat: 0.5 }]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { highestOf, rowsOf, stepsOf } from './steps.ts';

test('steps without a point are zero, and the first step contains the start of the range', () => {
  const steps = stepsOf([{ atMs: 20_000, value: 3 }], 12_000, 45_000, 10);
  assert.deepEqual(steps, { fromS: 10, stepS: 10, values: [0, 3, 0, 0] });
});

test('points outside of the range are left out, points of one step are summed', () => {
  const points = [
    { atMs: 0, value: 9 },
    { atMs: 10_000, value: 1 },
    { atMs: 15_000, value: 2 },
    { atMs: 30_000, value: 9 },
  ];
  assert.deepEqual(stepsOf(points, 10_000, 30_000, 10).values, [3, 0]);
});

test('the number of steps has a bound', () => {
  assert.equal(stepsOf([], 0, 1e9, 1).values.length, 2000);
});

test('the highest value is the first of equal ones; without any there is none', () => {
  assert.deepEqual(highestOf({ fromS: 100, stepS: 10, values: [0, 2, 1, 2] }), { atS: 110, value: 2 });
  assert.equal(highestOf({ fromS: 0, stepS: 10, values: [0, 0] }), null);
});

test('a table has the steps with a value', () => {
  assert.deepEqual(rowsOf({ fromS: 100, stepS: 10, values: [0, 2, 0, 1] }), [
    { atS: 110, value: 2 },
    { atS: 130, value: 1 },
  ]);
});

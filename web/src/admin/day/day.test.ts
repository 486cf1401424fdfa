import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mostOf, type OneDay, ofDay, sumDay } from './day.ts';

const fromMs = Date.parse('2026-11-27T10:00:00Z');
const day = (minutes: number, videoBitrate: (number | null)[], viewers: (number | null)[]): OneDay => ({
  from: new Date(fromMs + minutes * 60_000).toISOString(),
  res: 600,
  series: { videoBitrate, audioBitrate: videoBitrate.map((bits) => (bits === null ? null : 100_000)), viewers },
});

test('streams are added up step by step; what was not measured in any of them is missing', () => {
  const sums = sumDay([day(0, [1e6, null, 3e6], [1, null, 0]), day(0, [2e6, null, null], [4, null, null])], fromMs, 3);
  assert.deepEqual(sums, { input: [3.2, null, 3.1], viewers: [5, null, 0] });
});

test('a series that was requested after the next step had begun is shifted; what is outside of the chart is left out', () => {
  const sums = sumDay([day(10, [1e6, 2e6, 3e6], [1, 2, 3]), day(-10, [5e6, 6e6], [7, 8])], fromMs, 3);
  assert.deepEqual(sums.viewers, [8, 1, 2]);
});

test('without streams a chart has nothing, and no highest value', () => {
  const sums = sumDay([], fromMs, 2);
  assert.deepEqual(sums, { input: [null, null], viewers: [null, null] });
  assert.deepEqual([mostOf(sums.input), mostOf([null, 0, 2, null])], [null, 2]);
});

test('CPU time and disk of the server are placed on the steps of the streams', () => {
  const from = new Date(fromMs + 600_000).toISOString();
  const { cpu, disk } = ofDay({ from, res: 600, cpu: [5, null, 7], disk: [1, 2, 3] }, fromMs, 3);
  assert.deepEqual(
    [cpu, disk],
    [
      [null, 5, null],
      [null, 1, 2],
    ],
  );
});

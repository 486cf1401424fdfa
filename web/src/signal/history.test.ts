import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StatsHistory } from '../api/publishing.ts';
import { axisOf, chartsOf, resolutionOf, rowsOf, SPANS_S, summaryOf, timesOf, valueText } from './history.ts';

const names =
  'videoBitrate audioBitrate bitrateIn frameRate keyFrameInterval rtt jitter loss retransmitted dropped damaged viewers avOffset skew'.split(
    ' ',
  );
const history = (steps: number, series: Partial<StatsHistory['series']> = {}): StatsHistory => {
  const none = Array.from({ length: steps }, () => null);
  return {
    from: '2026-11-20T20:00:00.000Z',
    to: new Date(Date.parse('2026-11-20T20:00:00.000Z') + steps * 10_000).toISOString(),
    res: 10,
    series: {
      ...(Object.fromEntries(names.map((name) => [name, none])) as StatsHistory['series']),
      ...series,
    },
    links: [],
  };
};

test('only what was measured has a chart', () => {
  assert.deepEqual(chartsOf(history(3)), []);
  const charts = chartsOf(history(2, { videoBitrate: [1e6, null], frameRate: [30, 25] }));
  assert.deepEqual(
    charts.map(({ measure, lines }) => [measure, lines.length]),
    [
      ['bitrate', 1],
      ['frameRate', 1],
    ],
  );
});

test('a value is at the middle of its step', () => {
  const startS = Date.parse('2026-11-20T20:00:00.000Z') / 1000;
  assert.deepEqual(timesOf(history(2)), [startS + 5, startS + 15]);
});

test('a table has few rows: the mean of rates, the worst of loss, none for times without media', () => {
  const videoBitrate = Array.from({ length: 240 }, (_, step) => (step < 10 ? null : step % 2 ? 2e6 : 4e6));
  const loss = Array.from({ length: 240 }, (_, step) => (step === 15 ? 0.2 : 0));
  const table = history(240, { videoBitrate, loss: loss.map((value, step) => (step < 10 ? null : value)) });
  const rows = rowsOf(table, chartsOf(table));
  assert.equal(rows.length, 23);
  assert.deepEqual(rows[0], { atMs: Date.parse(table.from) + 100_000, values: [3e6, 0.2] });
});

test('steps are as short as the screen can show, and never shorter than the server measures', () => {
  assert.deepEqual(SPANS_S.map(resolutionOf), [5, 5, 120]);
});

test('sums and texts of values', () => {
  assert.equal(summaryOf([null]), null);
  assert.deepEqual(summaryOf([1, null, 3]), { least: 1, mean: 2, most: 3 });
  assert.deepEqual(
    [
      valueText('bitrate', 4_500_000),
      valueText('frameRate', 29.97),
      valueText('rtt', 41.6),
      valueText('loss', 0.0123),
      valueText('rtt', null),
    ],
    ['4.5 Mbit/s', '30 fps', '42 ms', '1.23 %', '–'],
  );
});

test('an axis begins at 0, and shows tiny values as small', () => {
  assert.deepEqual(axisOf('rtt', 0, 0.04), [0, 11.5]);
  assert.deepEqual(axisOf('rtt', 20, 100).map(Math.round), [0, 115]);
  assert.deepEqual(axisOf('clocks', -100, 20).map(Math.round), [-115, 115]);
  assert.equal(axisOf('loss', 0, 0)[1] < 0.02, true);
  assert.deepEqual(axisOf('bitrate', null, null), [0, 1.15]);
});

test('each link has a line in each of three charts, and a column of the table', () => {
  const links = [1, 2].map((number) => ({ number, bitrate: [1e6, 2e6], loss: [0, 0.08], rtt: [40, 60] }));
  const bonded = { ...history(2, { videoBitrate: [1e6, 1e6] }), links };
  const charts = chartsOf(bonded);
  assert.deepEqual(
    charts.map(({ measure, lines }) => [measure, lines.map(({ number }) => number)]),
    [
      ['bitrate', [undefined]],
      ['linkBitrate', [1, 2]],
      ['linkLoss', [1, 2]],
      ['linkRtt', [1, 2]],
    ],
  );
  assert.deepEqual(rowsOf(bonded, charts)[1]!.values, [1e6, 2e6, 2e6, 0.08, 0.08, 60, 60]);
  assert.equal(valueText('linkLoss', 0.08), '8 %');
});

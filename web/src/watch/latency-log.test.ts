import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appendLatency, latencyCurve } from './latency-log.ts';

test('one minute is kept, the newest last', () => {
  let log: (number | null)[] = [];
  for (let second = 0; second < 75; second += 1) log = appendLatency(log, second);
  assert.equal(log.length, 60);
  assert.deepEqual([log[0], log.at(-1)], [15, 74]);
});

test('the newest is at the right edge, zero at the bottom, the top is a round number', () => {
  const { path, topS, y } = latencyCurve([0.5, 1], 118, 40, 0.6);
  assert.equal(topS, 1);
  assert.equal(path, 'M116.0 20.0L118.0 0.0');
  assert.equal(y(0), 40);
});

test('the level is always inside, and a missing measurement breaks the line', () => {
  assert.equal(latencyCurve([0.5], 100, 40, 1.4).topS, 2);
  const { path } = latencyCurve([1, null, 1], 118, 40, null);
  assert.equal(path.match(/M/g)?.length, 2);
  assert.equal(path.includes('L'), false);
});

test('hours have a scale too, and an empty log draws nothing', () => {
  assert.equal(latencyCurve([1_201], 100, 40, null).topS, 1_800);
  assert.equal(latencyCurve([], 100, 40, null).path, '');
});

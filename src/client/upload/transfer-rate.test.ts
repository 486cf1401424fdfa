import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TransferRate } from './transfer-rate.ts';

test('the speed is that of the last ten seconds, not the average since the start', () => {
  const rate = new TransferRate();
  for (let second = 0; second <= 20; second++) rate.record(second * 1000, second * 1000);
  for (let second = 21; second <= 31; second++) rate.record(20_000 + (second - 20) * 5000, second * 1000);
  assert.equal(rate.speed(31_000), 5000);
  assert.equal(rate.secondsLeft(50_000, 31_000), 10);
});

test('there is no speed in the first second, and no time left while nothing arrives', () => {
  const rate = new TransferRate();
  assert.equal(rate.speed(0), null);
  rate.record(0, 0);
  rate.record(4000, 400);
  assert.equal(rate.speed(400), null);
  assert.equal(rate.speed(1000), 4000);
  rate.reset();
  rate.record(4000, 2000);
  rate.record(4000, 9000);
  assert.equal(rate.speed(9000), 0);
  assert.equal(rate.secondsLeft(1, 9000), null);
});

test('the speed decreases while nothing arrives', () => {
  const rate = new TransferRate();
  rate.record(0, 0);
  rate.record(10_000, 2000);
  assert.equal(rate.speed(2000), 5000);
  assert.equal(rate.speed(10_000), 1000);
});

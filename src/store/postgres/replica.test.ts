import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LagMeter } from './replica.ts';

test('a replica is behind since the newest position of the primary that it has reached', () => {
  const meter = new LagMeter();
  assert.equal(meter.lagMs(1000), Number.POSITIVE_INFINITY, 'nothing is known before the first measurement');
  meter.add(1000, 50, 50);
  assert.equal(meter.lagMs(1010), 10);
  meter.add(2000, 80, 60);
  assert.equal(meter.lagMs(2000), 1000, 'it has only what the primary had at 1000');
  meter.add(3000, 90, 85);
  assert.equal(meter.lagMs(3000), 1000, 'it has reached the position of 2000');
  meter.add(4000, 90, 90);
  assert.equal(meter.lagMs(4000), 0);
});

test('a primary without writes has no lag', () => {
  const meter = new LagMeter();
  for (let atMs = 0; atMs < 5000; atMs += 1000) meter.add(atMs, 7, 7);
  assert.equal(meter.lagMs(4500), 500);
});

test('a replica that stays behind is measured from where it is, with a bounded memory', () => {
  const meter = new LagMeter();
  meter.add(0, 0, 0);
  for (let n = 1; n <= 5000; n++) meter.add(n * 1000, n, 0);
  assert.equal(meter.lagMs(5_000_000), 5_000_000);
  meter.add(5_001_000, 5001, 1);
  assert.equal(meter.lagMs(5_001_000), 5_000_000, 'it has reached the first of them');
});

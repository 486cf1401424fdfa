import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SyncTarget } from '../../player/sync-target.ts';
import { driftKey, driftValues, howKey, printConfidence, printOffset } from './offset-text.ts';
import { shiftedTarget } from './shifted-target.ts';

test('offsets have a sign and milliseconds', () => {
  assert.deepEqual([7300, -0.6, 0.2, -12_345.6].map(printOffset), ['+7.300', '−0.001', '±0.000', '−12.346']);
  assert.equal(printConfidence(0.864), '86 %');
});

test('an offset that was moved on the page is by hand, and a jump is no drift', () => {
  assert.equal(howKey({ how: 'sound', offsetMs: 5 }, 5), 'angles.how.sound');
  assert.equal(howKey({ how: 'sound', offsetMs: 5 }, 6), 'angles.how.moved');
  const drift = { ms: -30.4, overSeconds: 300, ppm: -101.3, isJump: false };
  assert.equal(driftKey({ drift: null }), undefined);
  assert.equal(driftKey({ drift }), 'angles.drift');
  assert.equal(driftKey({ drift: { ...drift, isJump: true } }), 'angles.jump');
  assert.deepEqual(driftValues(drift), { ms: -30, minutes: 5, ppm: -101 });
});

test('a player of another clock is placed and measured on that of the page', () => {
  const placed: (number | null)[] = [];
  const own: SyncTarget = {
    frames: [{ atMs: 1, positionMs: 1000 }],
    busy: false,
    waits: false,
    paused: false,
    pictured: true,
    ended: false,
    durationMs: 9000,
    aheadS: 3,
    frameMs: 40,
    isBuffered: (ms) => ms === 1000,
    exists: (ms) => ms === 1000,
    follow(atMs) {
      placed.push(atMs);
      return true;
    },
    correct() {},
  };
  let shiftMs = 250.5;
  const target = shiftedTarget(own, () => shiftMs);
  assert.equal(target.durationMs, 9250.5, 'positions end there');
  assert.deepEqual(target.frames, [{ atMs: 1, positionMs: 1250.5 }]);
  assert.ok(target.isBuffered(1250.5) && !target.isBuffered(1000) && target.exists(1250.5));
  target.follow(5000, true, 1);
  shiftMs = -250;
  target.follow(5000, true, 1);
  target.follow(null, false, 1);
  assert.deepEqual(placed, [4749.5, 5250, null]);
  assert.equal(target.ease, undefined);
});

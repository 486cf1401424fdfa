import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LatencyTarget } from './latency-target.ts';

const start = Date.UTC(2026, 0, 31, 20);
const parts = { partTargetS: 0.2, holdBackS: 6 };

test('a stream with Parts of 200 ms has a target of half a second plus the network', () => {
  const target = new LatencyTarget();
  target.listed(start, start + 40, parts, 0.001);
  assert.ok(Math.abs(target.targetLatencyS - 0.501) < 1e-9);
  target.listed(start + 200, start + 240, parts, 0.12);
  assert.ok(Math.abs(target.targetLatencyS - 0.62) < 1e-9);
});

/** Parts that are in the buffer `lateMs` after they were listed, between two times in seconds. */
function play(target: LatencyTarget, fromS: number, toS: number, frameS = 1 / 30, lateMs = 10): void {
  for (let at = fromS * 1000; at <= toS * 1000; at += 200) {
    target.listed(start + at - 20, start + at, parts, 0.001);
    target.arrived(start + at - 20, start + at + lateMs, frameS);
  }
}

test('once arrivals are measured, the target is a Part, their delay, three frames and 30 ms', () => {
  const target = new LatencyTarget();
  play(target, 0, 30);
  assert.ok(Math.abs(target.targetLatencyS - (0.2 + 0.01 + 0.1 + 0.03)) < 1e-9, `${target.targetLatencyS} s`);
  play(target, 30, 60, 1 / 60);
  assert.ok(Math.abs(target.targetLatencyS - (0.2 + 0.01 + 0.05 + 0.03)) < 1e-9, `${target.targetLatencyS} s`);
});

test('the target falls slowly, and rises at once', () => {
  const target = new LatencyTarget();
  play(target, 0, 6);
  assert.ok(target.targetLatencyS > 0.47, `${target.targetLatencyS} s`);
  play(target, 6, 30);
  const low = target.targetLatencyS;
  target.arrived(start + 30_000, start + 30_300, 1 / 30);
  assert.equal(target.targetLatencyS, low, 'one late Part');
  target.arrived(start + 33_100, start + 33_400, 1 / 30);
  assert.ok(target.targetLatencyS > low + 0.25, `${target.targetLatencyS} s`);
});

test('a picture that waits with media ahead raises the target: the decoder of this browser needs more', () => {
  const target = new LatencyTarget();
  play(target, 0, 30);
  const low = target.targetLatencyS;
  target.waits(0.12);
  play(target, 30, 31);
  assert.ok(Math.abs(target.targetLatencyS - low - 0.05) < 1e-9);
  target.waits(0.12);
  play(target, 31, 32);
  assert.ok(Math.abs(target.targetLatencyS - low - 0.05) < 1e-9, 'with less than that the network was late');
});

test('a stream of whole segments has its hold-back as target', () => {
  const target = new LatencyTarget();
  target.listed(start, start + 40, { partTargetS: 0, holdBackS: 6 }, 0.01);
  assert.equal(target.targetLatencyS, 6);
});

test('the edge is the line through the moments at which the playlist was newest', () => {
  const target = new LatencyTarget();
  for (const [step, behindMs] of [200, 40, 150, 60].entries()) {
    const nowMs = start + step * 200;
    target.listed(nowMs - behindMs, nowMs, parts, 0);
  }
  assert.equal(target.lineMs, 40);
  target.listed(start + 40_000 - 90, start + 40_000, parts, 0);
  assert.equal(target.lineMs, 90, 'half a minute later the old ones no longer count');
});

test('each stall raises the target by 200 ms, up to 3 s, and each good minute lowers it by 50 ms', () => {
  const target = new LatencyTarget();
  target.stalled();
  assert.equal(target.targetLatencyS, 0.7);
  for (let at = 0; at <= 60_000; at += 300) target.smooth(0.4, at);
  assert.ok(Math.abs(target.targetLatencyS - 0.65) < 1e-9);
  for (let turn = 0; turn < 30; turn++) target.stalled();
  assert.equal(target.targetLatencyS, 3);
});

test('a minute with hardly more buffered than the decoder needs is not a good minute', () => {
  const target = new LatencyTarget();
  target.stalled();
  for (let at = 0; at <= 60_000; at += 300) target.smooth(at === 30_000 ? 0.15 : 0.6, at);
  assert.equal(target.targetLatencyS, 0.7);
});

test('a server whose clock is set back starts a new line', () => {
  const target = new LatencyTarget();
  target.listed(start - 3_600_000, start, parts, 0);
  for (let step = 0; step < 10; step++) {
    target.listed(start - 3_600_000 + step * 200, start - 3_600_000 + step * 200 + 40, parts, 0);
  }
  assert.equal(target.lineMs, 40);
  target.listed(start - 7_200_000, start - 7_200_000 + 300, parts, 0);
  assert.equal(target.lineMs, 300);
});

test('a stall can be undone', () => {
  const target = new LatencyTarget();
  target.stalled();
  target.stalled();
  target.undo();
  assert.equal(target.targetLatencyS, 0.7);
});

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

test('a minute with less than 200 ms buffered at some moment is not a good minute', () => {
  const target = new LatencyTarget();
  target.stalled();
  for (let at = 0; at <= 60_000; at += 300) target.smooth(at === 30_000 ? 0.1 : 0.6, at);
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

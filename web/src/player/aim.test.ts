import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Aim } from './aim.ts';

const start = Date.UTC(2026, 0, 31, 20);
const parts = { partTargetS: 0.2, holdBackS: 6 };

test('a stream with parts of 200 ms is aimed at half a second, and the network comes on top', () => {
  const aim = new Aim();
  aim.listed(start, start + 40, parts, 0.001);
  assert.ok(Math.abs(aim.targetS - 0.501) < 1e-9);
  aim.listed(start + 200, start + 240, parts, 0.12);
  assert.ok(Math.abs(aim.targetS - 0.62) < 1e-9);
});

test('a stream of whole segments is aimed at its hold-back', () => {
  const aim = new Aim();
  aim.listed(start, start + 40, { partTargetS: 0, holdBackS: 6 }, 0.01);
  assert.equal(aim.targetS, 6);
});

test('the edge is the line through the moments at which the list was newest', () => {
  const aim = new Aim();
  for (const [step, behindMs] of [200, 40, 150, 60].entries()) {
    const nowMs = start + step * 200;
    aim.listed(nowMs - behindMs, nowMs, parts, 0);
  }
  assert.equal(aim.lineMs, 40);
  aim.listed(start + 40_000 - 90, start + 40_000, parts, 0);
  assert.equal(aim.lineMs, 90, 'half a minute later the old ones no longer count');
});

test('each stall moves it 200 ms away, to 3 s, and each good minute 50 ms nearer', () => {
  const aim = new Aim();
  aim.stalled();
  assert.equal(aim.targetS, 0.7);
  for (let at = 0; at <= 60_000; at += 300) aim.smooth(0.4, at);
  assert.ok(Math.abs(aim.targetS - 0.65) < 1e-9);
  for (let turn = 0; turn < 30; turn++) aim.stalled();
  assert.equal(aim.targetS, 3);
});

test('a minute in which less than 200 ms was ahead is no good minute', () => {
  const aim = new Aim();
  aim.stalled();
  for (let at = 0; at <= 60_000; at += 300) aim.smooth(at === 30_000 ? 0.1 : 0.6, at);
  assert.equal(aim.targetS, 0.7);
});

test('a server whose clock is set back begins a new line', () => {
  const aim = new Aim();
  aim.listed(start - 3_600_000, start, parts, 0);
  for (let step = 0; step < 10; step++) {
    aim.listed(start - 3_600_000 + step * 200, start - 3_600_000 + step * 200 + 40, parts, 0);
  }
  assert.equal(aim.lineMs, 40);
  aim.listed(start - 7_200_000, start - 7_200_000 + 300, parts, 0);
  assert.equal(aim.lineMs, 300);
});

test('a stall that was none is taken back', () => {
  const aim = new Aim();
  aim.stalled();
  aim.stalled();
  aim.takeBack();
  assert.equal(aim.targetS, 0.7);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pinchView, type WheelTurn, wheelMove } from './gestures.ts';

const turn = (more: Partial<WheelTurn>): WheelTurn => ({
  deltaX: 0,
  deltaY: 0,
  deltaMode: 0,
  ctrlKey: false,
  shiftKey: false,
  ...more,
});
const factorOf = (more: Partial<WheelTurn>) => {
  const move = wheelMove(turn(more));
  assert.equal(move.kind, 'zoom');
  return move.kind === 'zoom' ? move.factor : 0;
};

test('the wheel zooms in when turned away, out when turned back, by the same amount', () => {
  assert.ok(factorOf({ deltaY: -100 }) > 1.1);
  assert.ok(Math.abs(factorOf({ deltaY: -100 }) * factorOf({ deltaY: 100 }) - 1) < 1e-9);
  assert.ok(factorOf({ deltaY: -3, deltaMode: 1 }) > 1.05, 'lines');
});

test('a touchpad pinch zooms with small numbers, and no event zooms more than twofold', () => {
  assert.ok(factorOf({ deltaY: -10, ctrlKey: true }) > 1.1);
  assert.equal(factorOf({ deltaY: -9_000 }), 2);
  assert.equal(factorOf({ deltaY: 9_000, ctrlKey: true }), 0.5);
});

test('sideways, or with Shift, the wheel pans', () => {
  assert.deepEqual(wheelMove(turn({ deltaX: 30, deltaY: 4 })), { kind: 'pan', px: 30 });
  assert.deepEqual(wheelMove(turn({ deltaY: -50, shiftKey: true })), { kind: 'pan', px: -50 });
});

test('each finger keeps the time where it was put down', () => {
  const start = { fromMs: 0, toMs: 1_000 };
  const next = pinchView(start, [0.4, 0.6], [0.3, 0.8]);
  const at = (share: number) => next.fromMs + share * (next.toMs - next.fromMs);
  assert.ok(Math.abs(at(0.3) - 400) < 1e-9 && Math.abs(at(0.8) - 600) < 1e-9);
});

test('two fingers that move together pan without zooming', () => {
  const next = pinchView({ fromMs: 0, toMs: 1_000 }, [0.2, 0.5], [0.4, 0.7]);
  assert.ok(Math.abs(next.toMs - next.fromMs - 1_000) < 1e-9);
  assert.ok(Math.abs(next.fromMs + 200) < 1e-9);
});

test('fingers that meet do not zoom infinitely', () => {
  const next = pinchView({ fromMs: 0, toMs: 1_000 }, [0.2, 0.6], [0.5, 0.5]);
  assert.ok(next.toMs - next.fromMs <= 20_001 && Number.isFinite(next.fromMs));
});

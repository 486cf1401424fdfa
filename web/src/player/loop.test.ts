import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Loop } from './loop.ts';

test('at the last frame of the span it goes back to its start', () => {
  const loop = new Loop();
  loop.set({ fromMs: 1_000, toMs: 2_000 });
  assert.equal(loop.turn(1_940, 0.04), null);
  assert.equal(loop.turn(1_980, 0.04), 1_000);
});

test('going elsewhere ends it, within the span it stays', () => {
  const loop = new Loop();
  loop.set({ fromMs: 1_000, toMs: 2_000 });
  loop.leave(1_500);
  assert.deepEqual(loop.span, { fromMs: 1_000, toMs: 2_000 });
  loop.leave(2_000);
  assert.equal(loop.span, null);
});

test('a span without length is none', () => {
  const loop = new Loop();
  loop.set({ fromMs: 1_000, toMs: 1_050 });
  assert.equal(loop.span, null);
});

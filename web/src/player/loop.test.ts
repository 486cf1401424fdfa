import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isInLoop, isLoopOver, loopOf } from './loop.ts';

const range = { fromMs: 1_000, toMs: 2_000 };

test('a range is over when its last frame is shown', () => {
  assert.equal(isLoopOver(range, 1_940, 0.04), false);
  assert.equal(isLoopOver(range, 1_980, 0.04), true);
  assert.equal(isLoopOver(null, 1_980, 0.04), false);
});

test('its end does not belong to it', () => {
  assert.deepEqual([isInLoop(range, 1_500), isInLoop(range, 2_000), isInLoop(range, null)], [true, false, false]);
});

test('a range without length is not looped', () => {
  assert.equal(loopOf({ fromMs: 1_000, toMs: 1_050 }), null);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundsOf, FRAME_MS, handleKey, moveHandle } from './handles.ts';

const now = 10_000_000;
const clip = { fromMs: 9_000_000, toMs: 9_060_000 };
const from = boundsOf('from', clip, 1_000_000, now);
const to = boundsOf('to', clip, 1_000_000, now);

test('the handles never pass each other, the oldest kept time, or now', () => {
  assert.deepEqual(moveHandle('from', clip, 9_999_999, from), { fromMs: 9_060_000 - FRAME_MS, toMs: 9_060_000 });
  assert.deepEqual(moveHandle('to', clip, 0, to), { fromMs: 9_000_000, toMs: 9_000_000 + FRAME_MS });
  assert.equal(moveHandle('from', clip, 0, from).fromMs, 1_000_000);
  assert.equal(moveHandle('to', clip, 99_999_999, to).toMs, now);
});

test('a single handle moves freely', () => {
  const alone = { fromMs: 9_000_000, toMs: null };
  assert.equal(moveHandle('from', alone, 9_900_000, boundsOf('from', alone, 0, now)).fromMs, 9_900_000);
});

test('arrows move a second, with Shift a frame, Page Up and Down ten seconds, Home and End to the bounds', () => {
  assert.equal(handleKey('ArrowLeft', false, 9_000_000, from), 8_999_000);
  assert.equal(handleKey('ArrowRight', true, 9_000_000, from), 9_000_000 + FRAME_MS);
  assert.equal(handleKey('PageUp', false, 9_000_000, from), 9_010_000);
  assert.equal(handleKey('Home', false, 9_000_000, from), 1_000_000);
  assert.equal(handleKey('End', false, 9_060_000, to), now);
  assert.equal(handleKey('PageUp', false, 9_055_000, from), 9_060_000 - FRAME_MS);
  assert.equal(handleKey('i', false, 9_000_000, from), null);
});

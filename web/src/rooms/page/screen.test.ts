import assert from 'node:assert/strict';
import { test } from 'node:test';
import { screenOf, screenOfCode } from './screen.ts';

test('who is sent away before entering was turned away, and afterwards was removed', () => {
  const status = { is: 'refused', reason: 'kicked', detail: '' } as const;
  assert.equal(screenOf({ status, room: null }, 'join'), 'turned-away');
  assert.equal(screenOf({ status, room: {} }, 'join'), 'kicked');
});

test('who is in another network or country than the room is for reads that, when entering and during the visit', () => {
  const status = { is: 'refused', reason: 'not-here', detail: '' } as const;
  for (const room of [null, {}]) assert.equal(screenOf({ status, room }, 'join'), 'not-here');
  assert.equal(screenOfCode('watch-denied-here'), 'not-here');
});

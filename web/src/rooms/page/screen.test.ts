import assert from 'node:assert/strict';
import { test } from 'node:test';
import { screenOf } from './screen.ts';

test('who is sent away before entering was turned away, and afterwards was removed', () => {
  const status = { is: 'refused', reason: 'kicked', detail: '' } as const;
  assert.equal(screenOf({ status, room: null }, 'join'), 'turned-away');
  assert.equal(screenOf({ status, room: {} }, 'join'), 'kicked');
});

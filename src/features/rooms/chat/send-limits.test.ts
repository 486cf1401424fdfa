import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SendLimits } from './send-limits.ts';

/** Messages that a member may send at time 0. */
function burstOf(limits: SendLimits): number {
  for (let count = 0; ; count++) {
    try {
      limits.take('chat', 'u1', 0);
    } catch {
      return count;
    }
  }
}

test('a member may send eight messages at once; a multiple of the rate multiplies that', () => {
  assert.equal(burstOf(new SendLimits()), 8);
  assert.equal(burstOf(new SendLimits(() => 10)), 80);
});

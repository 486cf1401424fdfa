import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterLoss, isDue, noRetry } from './retry.ts';

test('a loss is retried after 1, 2, 4, 8 and then every 15 seconds', () => {
  let retry = noRetry;
  let at = 0;
  for (const waitS of [1, 2, 4, 8, 15, 15]) {
    retry = afterLoss(retry, at, false);
    assert.equal(isDue(retry, at + waitS * 1000 - 1), false);
    at += waitS * 1000;
    assert.equal(isDue(retry, at), true);
  }
});

test('the first attempt may be made at once, the second one after a second', () => {
  const first = afterLoss(noRetry, 0, true);
  assert.equal(isDue(first, 0), true);
  assert.equal(afterLoss(first, 0, true).dueMs, 1_000);
  assert.equal(isDue(noRetry, 1e9), false);
});

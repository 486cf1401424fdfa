import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Retry } from './retry.ts';

test('what is lost is tried again after 1, 2, 4, 8 and then each 15 seconds', () => {
  const retry = new Retry();
  let at = 0;
  for (const waitS of [1, 2, 4, 8, 15, 15]) {
    retry.lost(at);
    assert.equal(retry.due(at + waitS * 1000 - 1), false);
    at += waitS * 1000;
    assert.equal(retry.due(at), true);
    assert.equal(retry.due(at), false, 'once for each loss');
  }
});

test('the first try may be made at once, and success begins anew', () => {
  const retry = new Retry();
  retry.lost(0, { soon: true });
  assert.equal(retry.due(0), true);
  retry.lost(0, { soon: true });
  assert.equal(retry.due(999), false);
  retry.done();
  assert.equal(retry.pending, false);
  retry.lost(0, { soon: true });
  assert.equal(retry.due(0), true);
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRetryable } from './failure.ts';
import { Patience } from './patience.ts';

const signal = () => AbortSignal.timeout(10_000);

test('a slow body ends with source-failed, and is retryable', async () => {
  using patience = new Patience(9000, 9000, 'cam', { signal: signal() }, { minBytesPerS: 1e6, windowMs: 50 });
  patience.received(10);
  assert.equal(patience.signal.aborted, false);
  await sleep(60);
  patience.received(10);
  assert.equal(patience.signal.reason.code, 'source-failed');
  assert.match(patience.signal.reason.message, /^cam sent only \d+ bytes a second$/);
  assert.equal(isRetryable(patience.signal.reason), true);
});

test('a body that is fast enough, or has not started, is not slow', async () => {
  using patience = new Patience(9000, 9000, 'cam', { signal: signal() }, { minBytesPerS: 100, windowMs: 30 });
  await sleep(50);
  for (let i = 0; i < 3; i++) {
    patience.received(1e6);
    await sleep(40);
  }
  assert.equal(patience.signal.aborted, false);
});

test('the time in which its reader is not waiting does not count', async () => {
  using patience = new Patience(9000, 100, 'cam', { signal: signal() }, { minBytesPerS: 1e6, windowMs: 400 });
  patience.received(10);
  patience.rest();
  await sleep(500);
  patience.goOn();
  patience.received(10);
  assert.equal(patience.signal.aborted, false);
  await once(patience.signal, 'abort');
  assert.match(patience.signal.reason.message, /sent nothing for 100 ms/);
});

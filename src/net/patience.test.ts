import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { openVirtualTime } from '../../test/fixtures/virtual-time.ts';
import { isRetryable } from './failure.ts';
import { Patience } from './patience.ts';

const { signal } = new AbortController();
const deadlineMs = 60_000;
/** The measurement that production uses: 10 s, 1024 bytes a second. */
const windowMs = 10_000;

test('a slow body ends with source-failed, and is retryable', async () => {
  using time = openVirtualTime();
  using patience = new Patience(deadlineMs, deadlineMs, () => 'cam', { signal });
  patience.received(10);
  await time.runFor(windowMs - 1);
  patience.received(10_219);
  assert.equal(patience.signal.aborted, false, 'the measurement has not ended');
  await time.runFor(1);
  patience.received(10);
  assert.equal(patience.signal.reason.code, 'source-failed');
  assert.equal(patience.signal.reason.message, 'cam sent only 1024 bytes a second.');
  assert.equal(isRetryable(patience.signal.reason), true);
});

test('a body that is fast enough, or has not started, is not slow', async () => {
  using time = openVirtualTime();
  using patience = new Patience(deadlineMs, deadlineMs, () => 'cam', { signal });
  await time.runFor(2 * windowMs);
  for (let i = 0; i < 3; i++) {
    patience.received(10_240);
    await time.runFor(windowMs);
  }
  assert.equal(patience.signal.aborted, false);
});

test('a body that is late in total, or silent, ends at that limit', async () => {
  for (const [totalMs, idleMs, endMs, message] of [
    [5000, 2000, 5000, 'cam took longer than 5000 ms.'],
    [9000, 600, 600, 'cam sent nothing for 600 ms.'],
  ] as const) {
    using time = openVirtualTime();
    using patience = new Patience(totalMs, idleMs, () => 'cam', { signal });
    const every = setInterval(() => patience.received(1e6), 1000);
    await time.settled('the end', once(patience.signal, 'abort'));
    clearInterval(every);
    assert.deepEqual([time.nowMs, patience.signal.reason.message], [endMs, message]);
  }
});

test('the time in which its reader is not waiting does not count', async () => {
  using time = openVirtualTime();
  using patience = new Patience(deadlineMs, 100, () => 'cam', { signal }, { minBytesPerS: 1e6, windowMs: 400 });
  patience.received(10);
  patience.rest();
  await time.runFor(500);
  patience.goOn();
  patience.received(10);
  assert.equal(patience.signal.aborted, false);
  await time.settled('the end', once(patience.signal, 'abort'));
  assert.equal(patience.signal.reason.message, 'cam sent nothing for 100 ms.');
  assert.equal(time.nowMs, 600);
});

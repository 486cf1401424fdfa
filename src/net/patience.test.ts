import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openVirtualTime } from '../../test/fixtures/virtual-time.ts';
import type { OxbowError } from '../lib/errors.ts';
import { isRetryable } from './failure.ts';
import { Patience } from './patience.ts';

const { signal } = new AbortController();
const deadlineMs = 60_000;
/** The measurement that production uses: 10 s, 1024 bytes a second. */
const windowMs = 10_000;
const endOf = (patience: Patience) => new Promise<unknown>((resolve) => patience.onAbort(resolve));
const reasonOf = ({ reason }: Patience) => reason as OxbowError;

test('a slow body ends with source-failed, and is retryable', async () => {
  using time = openVirtualTime();
  using patience = new Patience(deadlineMs, deadlineMs, () => 'cam', { signal });
  patience.received(10);
  await time.runFor(windowMs - 1);
  patience.received(10_219);
  assert.equal(patience.isAborted, false, 'the measurement has not ended');
  await time.runFor(1);
  patience.received(10);
  assert.equal(reasonOf(patience).code, 'source-failed');
  assert.equal(reasonOf(patience).message, 'cam sent only 1024 bytes a second.');
  assert.equal(isRetryable(patience.reason), true);
});

test('a body that is fast enough, or has not started, is not slow', async () => {
  using time = openVirtualTime();
  using patience = new Patience(deadlineMs, deadlineMs, () => 'cam', { signal });
  await time.runFor(2 * windowMs);
  for (let i = 0; i < 3; i++) {
    patience.received(10_240);
    await time.runFor(windowMs);
  }
  assert.equal(patience.isAborted, false);
});

test('a body that is late in total, or silent, ends at that limit', async () => {
  for (const [totalMs, idleMs, endMs, message] of [
    [5000, 2000, 5000, 'cam took longer than 5000 ms.'],
    [9000, 600, 600, 'cam sent nothing for 600 ms.'],
  ] as const) {
    using time = openVirtualTime();
    using patience = new Patience(totalMs, idleMs, () => 'cam', { signal });
    const every = setInterval(() => patience.received(1e6), 1000);
    await time.settled('the end', endOf(patience));
    clearInterval(every);
    assert.deepEqual([time.nowMs, reasonOf(patience).message], [endMs, message]);
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
  assert.equal(patience.isAborted, false);
  await time.settled('the end', endOf(patience));
  assert.equal(reasonOf(patience).message, 'cam sent nothing for 100 ms.');
  assert.equal(time.nowMs, 600);
});

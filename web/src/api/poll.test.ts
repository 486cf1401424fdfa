import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pause, poll } from './poll.ts';

test('a poll continues until it is aborted, and waits for its work', async () => {
  const controller = new AbortController();
  let running = 0;
  let runs = 0;
  await poll(
    1,
    async (signal) => {
      running += 1;
      assert.equal(running, 1);
      await pause(2, signal);
      running -= 1;
      runs += 1;
      if (runs === 3) controller.abort();
    },
    controller,
  );
  assert.equal(runs, 3);
});

test('an error after the abort is dropped, one before it is thrown', async () => {
  const controller = new AbortController();
  await poll(
    1,
    async () => {
      controller.abort();
      throw new Error('aborted');
    },
    controller,
  );
  const fresh = new AbortController();
  await assert.rejects(
    poll(1, () => Promise.reject(new Error('a bug')), fresh),
    /a bug/,
  );
});

test('an abort ends a pause at once', async () => {
  const controller = new AbortController();
  const long = pause(60_000, controller.signal);
  controller.abort();
  await long;
  await pause(60_000, controller.signal);
});

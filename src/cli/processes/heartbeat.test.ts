import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import { Heartbeat } from './heartbeat.ts';

/** A process that answers while `answers` is true. */
function openProcess() {
  const process = { answers: true, pings: 0, silentMs: undefined as number | undefined };
  const heartbeat = new Heartbeat({
    ping() {
      process.pings++;
      if (process.answers) heartbeat.answered();
    },
    silent(silentMs) {
      assert.equal(process.silentMs, undefined, 'only once');
      process.silentMs = silentMs;
    },
  });
  return { process, heartbeat };
}

suite('the heartbeat of a process', () => {
  test('a process that answers is left alone, one that does not is silent after 12 to 14 s', async () => {
    using time = openVirtualTime();
    const { process, heartbeat } = openProcess();
    using _ = heartbeat;
    heartbeat.ready();
    await time.runFor(60_000);
    assert.deepEqual([process.pings, process.silentMs], [30, undefined]);
    process.answers = false;
    await time.runFor(13_000);
    assert.equal(process.silentMs, undefined);
    await time.runFor(1000);
    assert.deepEqual([process.pings, process.silentMs], [31, 12_000]);
    await time.runFor(60_000);
    assert.equal(process.pings, 31);
  });

  test('an answer that is late counts', async () => {
    using time = openVirtualTime();
    const { process, heartbeat } = openProcess();
    using _ = heartbeat;
    heartbeat.ready();
    process.answers = false;
    for (let i = 0; i < 5; i++) {
      await time.runFor(12_000);
      heartbeat.answered();
    }
    assert.equal(process.silentMs, undefined);
  });

  test('a process that starts gets more time', async () => {
    using time = openVirtualTime();
    const { process, heartbeat } = openProcess();
    using _ = heartbeat;
    process.answers = false;
    await time.runFor(110_000);
    assert.equal(process.silentMs, undefined);
    await time.runFor(20_000);
    assert.equal(process.silentMs, 120_000);
  });

  test('time in which the supervisor was suspended does not count', async () => {
    using time = openVirtualTime();
    const { process, heartbeat } = openProcess();
    using _ = heartbeat;
    heartbeat.ready();
    process.answers = false;
    await time.runFor(8000);
    const nowMs = performance.now();
    performance.now = () => nowMs + 3_600_000;
    await time.runFor(2000);
    assert.equal(process.silentMs, undefined);
  });
});

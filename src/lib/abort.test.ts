import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { suite, test } from 'node:test';
import { backoffMs, sleep, withDeadline } from './abort.ts';

suite('abortable waiting', () => {
  test('a sleep ends after its time and leaves no listener', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { signal } = new AbortController();
    let awake = false;
    const slept = sleep(1000, { signal }).then(() => {
      awake = true;
    });
    t.mock.timers.tick(999);
    await Promise.resolve();
    assert.equal(awake, false);
    t.mock.timers.tick(1);
    await slept;
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  test('abort wakes it at once with its reason, before or during the sleep', async () => {
    const controller = new AbortController();
    const reason = new Error('stop');
    const slept = sleep(60_000, { signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(slept, reason);
    await assert.rejects(sleep(60_000, { signal: controller.signal }), reason);
  });

  test('a deadline is a TimeoutError that names what was late', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    using deadline = withDeadline(500, 'the playlist', { signal: new AbortController().signal });
    t.mock.timers.tick(499);
    assert.equal(deadline.signal.aborted, false);
    t.mock.timers.tick(1);
    assert.equal(deadline.signal.reason.name, 'TimeoutError');
    assert.equal(deadline.signal.reason.message, 'the playlist took longer than 500 ms');
  });

  test('a deadline ends with its parent signal, and leaves nothing when disposed', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const controller = new AbortController();
    {
      using deadline = withDeadline(500, 'x', { signal: controller.signal });
      assert.equal(getEventListeners(controller.signal, 'abort').length, 1);
      assert.equal(deadline.signal.aborted, false);
    }
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
    const disposed = withDeadline(500, 'x', { signal: controller.signal });
    disposed[Symbol.dispose]();
    t.mock.timers.tick(1000);
    assert.equal(disposed.signal.aborted, false);
    using under = withDeadline(500, 'x', { signal: controller.signal });
    controller.abort('over');
    assert.equal(under.signal.reason, 'over');
    using after = withDeadline(500, 'x', { signal: controller.signal });
    assert.equal(after.signal.reason, 'over');
  });

  test('pauses grow twofold up to a limit, and are in the upper half of it', () => {
    for (let attempt = 0; attempt < 40; attempt++) {
      const ceiling = Math.min(10_000, 250 * 2 ** attempt);
      for (let i = 0; i < 20; i++) {
        const ms = backoffMs(attempt);
        assert.ok(ms >= ceiling / 2 && ms <= ceiling, `${attempt}: ${ms}`);
      }
    }
    assert.ok(backoffMs(9, 10, 100) <= 100);
  });
});

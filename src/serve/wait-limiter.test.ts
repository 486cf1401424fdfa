import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { OxbowError } from '../lib/errors.ts';
import { WaitLimiter } from './wait-limiter.ts';

const never = new AbortController().signal;

/** A limiter with requests that end when the test resolves them. */
function openHeld(perAddress: number, total: number) {
  let now = 0;
  const waitLimiter = new WaitLimiter({ perAddress, total }, (change) => {
    now += change;
  });
  const replies: (() => void)[] = [];
  return {
    waitLimiter,
    count: () => now,
    hold(address: string): Promise<string> {
      const { promise, resolve } = Promise.withResolvers<string>();
      replies.push(() => resolve(address));
      return waitLimiter.wait(promise, address, never);
    },
    giveAll: () => {
      for (const give of replies) give();
    },
  };
}

const tooMany = { code: 'not-ready', extra: { retryAfterSeconds: 1 } };

suite('held requests are limited (docs/media.md 28)', () => {
  test('for each address, and in total; one that ends makes room', async () => {
    const { hold, giveAll, count } = openHeld(2, 3);
    const waiting = [hold('a'), hold('a')];
    await assert.rejects(hold('a'), { ...tooMany, message: /^This address has 2 waiting requests/ });
    waiting.push(hold('b'));
    await assert.rejects(hold('c'), tooMany);
    assert.equal(count(), 3);
    giveAll();
    assert.deepEqual(await Promise.all(waiting), ['a', 'a', 'b']);
    assert.equal(count(), 0);
    const again = hold('c');
    giveAll();
    assert.equal(await again, 'c');
  });

  test('a reply that fails after its request was refused is ignored', async () => {
    const { waitLimiter } = openHeld(0, 0);
    await assert.rejects(waitLimiter.wait(Promise.reject(new Error('late')), 'a', never), tooMany);
  });

  test('all of them end with the reason of abortAll', async () => {
    const { waitLimiter, count } = openHeld(9, 9);
    const controllers = [new AbortController(), new AbortController()];
    for (const controller of controllers) waitLimiter.register(controller);
    const left = new AbortController();
    waitLimiter.register(left)();
    const waiting = controllers.map(({ signal }) => waitLimiter.wait(new Promise<void>(() => {}), 'a', signal));
    waitLimiter.abortAll(new OxbowError('not-ready', 'ending'));
    for (const each of waiting) await assert.rejects(each, { code: 'not-ready', message: 'ending' });
    assert.equal(count(), 0);
    assert.ok(!left.signal.aborted, 'an unregistered controller is not aborted');
  });
});

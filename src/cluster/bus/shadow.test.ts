import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createManualClock } from '../../lib/clock.ts';
import { leaseContract } from '../lease/lease.contract.ts';
import type { LeaseStore } from '../lease/lease.ts';
import { createLocalLeases } from '../lease/local-leases.ts';
import { createLocalEventBus } from './local-event-bus.ts';
import { createShadowLeases, openShadowBus, withoutForeign } from './shadow.ts';

const failed = (error: unknown) => assert.fail(String(error));

leaseContract('this process, with a shadow', async () => {
  const clock = createManualClock();
  const store = createShadowLeases(createLocalLeases(clock), createLocalLeases(clock), () => undefined);
  return { store, clock, async [Symbol.asyncDispose]() {} };
});

test('the leases of a shadow that agrees are the same; one that does not, or does not answer, changes nothing', async () => {
  const clock = createManualClock();
  const own = createLocalLeases(clock);
  const results: string[] = [];
  const shadow = createLocalLeases(clock);
  const leases = createShadowLeases(own, shadow, (result) => results.push(result));
  const counted = async (count: number) => {
    while (results.length < count) await new Promise(setImmediate);
    return results.splice(0);
  };
  const ask = { holder: 'a', ttlMs: 1000 };
  await shadow.take('other', ask); // so that tokens differ
  const { token } = await leases.take('door', ask);
  assert.equal((await leases.take('door', ask)).isTaken, false);
  const next = await leases.take('door', { ...ask, replaces: token });
  assert.equal(await leases.renew('door', token, 1000), false);
  assert.equal(await leases.renew('door', next.token, 1000), true);
  await leases.release('door', next.token);
  assert.deepEqual(await counted(6), Array(6).fill('same'));
  await shadow.take('hall', { ...ask, holder: 'b' });
  assert.equal((await leases.take('hall', ask)).isTaken, true);
  assert.deepEqual(await counted(1), ['different']);
  const broken = { take: () => Promise.reject(new Error('no answer')) } as unknown as LeaseStore;
  assert.equal(
    (await createShadowLeases(own, broken, (result) => results.push(result)).take('new', ask)).isTaken,
    true,
  );
  assert.deepEqual(await counted(1), ['failed']);
});

test('events that arrive from a shadow in the same order are the same; what it loses is counted', async () => {
  const clock = createManualClock();
  const [own, shadow] = [createLocalEventBus({ clock, failed }), createLocalEventBus({ clock, failed })];
  const results: string[] = [];
  let loses = false;
  const lossy = { ...shadow, subscribe: shadow.subscribe.bind(shadow), flush: shadow.flush.bind(shadow) };
  lossy.publish = (...args) => void (loses || shadow.publish(...args));
  using bus = await openShadowBus(own, lossy, (result) => results.push(result));
  const received: unknown[] = [];
  await bus.subscribe({ event: ({ event }) => received.push(event.data) });
  const publish = (number: number) => bus.publish('stream.generation', { number });
  publish(1);
  loses = true;
  publish(2);
  loses = false;
  publish(3);
  await bus.flush();
  await shadow.flush();
  assert.deepEqual(received, [{ number: 1 }, { number: 2 }, { number: 3 }]);
  assert.deepEqual(results, ['same', 'different', 'same']);
});

test('a bus without foreign events passes on those of this process alone, also of a replay', async () => {
  const bus = createLocalEventBus({ clock: createManualClock(), failed });
  const received: string[] = [];
  const numbered = (number: number) => ({ event: { data: { number } } }) as never;
  const own = withoutForeign({
    publish: bus.publish.bind(bus),
    flush: bus.flush.bind(bus),
    async subscribe(subscriber) {
      const foreign = { ...(numbered(2) as object), isForeign: true } as never;
      subscriber.begin?.({ replay: [numbered(1), foreign], reset: false, lastId: '' });
      for (const each of [foreign, numbered(3)]) subscriber.event(each);
      return { close() {} };
    },
  });
  await own.subscribe({
    begin: ({ replay }) => received.push(...replay.map(({ event }) => `replay ${JSON.stringify(event.data)}`)),
    event: ({ event }) => received.push(JSON.stringify(event.data)),
  });
  assert.deepEqual(received, ['replay {"number":1}', '{"number":3}']);
});

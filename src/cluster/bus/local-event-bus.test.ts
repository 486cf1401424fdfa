import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createManualClock } from '../../lib/clock.ts';
import { eventBusContract, KEPT_EVENTS } from './event-bus.contract.ts';
import type { EventBus, SubscriptionStart } from './event-bus.ts';
import { createLocalEventBus } from './local-event-bus.ts';

const START_MS = Date.UTC(2026, 10, 20, 8, 0, 0);

eventBusContract('this process', async () => {
  const errors: unknown[] = [];
  const bus = createLocalEventBus({
    clock: createManualClock(START_MS),
    failed: (error: unknown) => errors.push(error),
    limits: { maxEvents: KEPT_EVENTS, maxBytes: 10_000 },
  });
  return { bus, errors, async [Symbol.asyncDispose]() {} };
});

const failed = (error: unknown) => {
  throw error;
};

/** Ids of as many events, published in turns of a hundred. */
async function publish(bus: EventBus, count: number): Promise<string[]> {
  const ids: string[] = [];
  const { close } = await bus.subscribe({ event: ({ event }) => void ids.push(event.id) });
  for (let number = 0; number < count; number++) {
    bus.publish('stream.generation', { number }, { name: 'door', visibility: 'public' });
    if (number % 100 === 0) await bus.flush();
  }
  await bus.flush();
  close();
  return ids;
}

async function startAfter(bus: EventBus, id: string | undefined): Promise<SubscriptionStart> {
  const { promise, resolve } = Promise.withResolvers<SubscriptionStart>();
  await bus.subscribe({ begin: resolve, event() {} }, id);
  return promise;
}

test('the ring is bounded in bytes too, and keeps the newest events over many turns', async () => {
  const limits = { maxEvents: 1000, maxBytes: 20_000 };
  const counts = { published: 0, missed: 0 };
  const bus = createLocalEventBus({
    clock: createManualClock(START_MS),
    failed,
    limits,
    counters: {
      events: { inc: () => void counts.published++ },
      eventsMissed: { inc: () => void counts.missed++ },
    },
  });
  const ids = await publish(bus, 5000);
  assert.deepEqual(counts, { published: 5000, missed: 0 });
  const size = (await startAfter(bus, ids.at(-5))).replay[0]!.json.length;
  assert.equal((await startAfter(bus, ids.at(-1 - Math.floor(20_000 / size)))).reset, false);
  assert.equal((await startAfter(bus, ids.at(-3 - Math.floor(20_000 / size)))).reset, true);
});

test('ids sort in the order of publication, also over a restart', async () => {
  const open = (nowMs: number) => createLocalEventBus({ clock: createManualClock(nowMs), failed });
  const ids = [...(await publish(open(START_MS), 40)), ...(await publish(open(START_MS + 60_000), 2))];
  assert.deepEqual(ids.toSorted(), ids);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createManualClock } from '../../lib/clock.ts';
import type { EventBus, PublishedEvent } from './event-bus.ts';
import { createLocalEventBus } from './local-event-bus.ts';
import { alsoTo } from './own-events.ts';

test('what a process publishes reaches its own subscribers while the bus of the cluster delivers nothing, and nothing of others does', async () => {
  const options = { clock: createManualClock(), failed: (error: unknown) => assert.fail(String(error)) };
  const [shared, own] = [createLocalEventBus(options), createLocalEventBus(options)];
  const waiting: unknown[] = [];
  // Redis does not answer.
  const away: EventBus = { ...shared, publish: (...event) => void waiting.push(event), subscribe: assert.fail };
  const received: PublishedEvent[] = [];
  await own.subscribe({ event: (published) => void received.push(published) });
  const door = { name: 'door', visibility: 'private' };
  alsoTo(away, own).publish('stream.generation', { number: 1 }, door);
  shared.publish('stream.generation', { number: 2 }, door);
  await own.flush();
  assert.deepEqual(
    received.map(({ event: { data, stream }, audience, isForeign }) => [data, stream, audience, isForeign]),
    [[{ number: 1 }, 'door', 'private', undefined]],
  );
  assert.deepEqual(waiting, [['stream.generation', { number: 1 }, door]]);
});

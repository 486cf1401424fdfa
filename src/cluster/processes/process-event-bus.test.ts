import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createSystemClock } from '../../lib/clock.ts';
import { Emitter } from '../../lib/events.ts';
import { eventBusContract, KEPT_EVENTS } from '../bus/event-bus.contract.ts';
import type { PublishedEvent } from '../bus/event-bus.ts';
import { EventHub } from './event-hub.ts';
import { ProcessEventBus } from './process-event-bus.ts';
import type { NumberedEvent } from './process-link.ts';

const clock = createSystemClock();
const limits = { maxEvents: KEPT_EVENTS, maxBytes: 1024 * 1024 };

/** A process whose messages cross as JSON, a turn later. */
function openProcess(hub: EventHub, name: string, failed: (error: unknown) => void) {
  const event = new Emitter<NumberedEvent>();
  const crossed = <T>(message: T, receive: (message: T) => void) => {
    const text = JSON.stringify(message);
    setImmediate(() => receive(JSON.parse(text) as T));
  };
  const closed = Promise.withResolvers<void>();
  const { position, remove } = hub.add((numbered) => crossed(numbered, (each) => event.emit(each)));
  const bus = new ProcessEventBus({
    link: { event, closed: closed.promise, publish: (draft) => crossed(draft, (each) => hub.publish(name, each)) },
    process: name,
    position,
    clock,
    limits,
    failed,
  });
  return { bus, remove, close: closed.resolve };
}

eventBusContract('the processes of a server', async () => {
  const errors: unknown[] = [];
  const hub = new EventHub(clock.nowMs() + Math.random() * 1e6);
  const { bus } = openProcess(hub, 'process-1', (error) => errors.push(error));
  return { bus, errors, [Symbol.asyncDispose]: async () => bus[Symbol.dispose]() };
});

suite('events of several processes', () => {
  test('have the same ids and the same order at each, and say whose they are', async () => {
    const hub = new EventHub(clock.nowMs());
    const [one, two] = ['process-1', 'process-2'].map((name) => openProcess(hub, name, assert.ifError));
    const received = [one!, two!].map(({ bus }) => {
      const events: PublishedEvent[] = [];
      void bus.subscribe({ event: (each) => events.push(each) });
      return events;
    });
    one!.bus.publish('stream.generation', { number: 1 }, { name: 'door', visibility: 'public' });
    two!.bus.publish('stream.generation', { number: 2 }, { name: 'door', visibility: 'public' });
    await Promise.all([one!.bus.flush(), two!.bus.flush()]);
    const [first, second] = received.map((events) => events.map(({ event }) => event));
    assert.equal(first!.length, 2);
    assert.deepEqual(first, second);
    assert.deepEqual(
      received[1]!.map(({ isForeign }) => isForeign),
      [true, undefined],
    );
  });

  test('a process that starts later continues their numbers; an id from before it says reset', async () => {
    const hub = new EventHub(clock.nowMs());
    const one = openProcess(hub, 'process-1', assert.ifError);
    const ids: string[] = [];
    await one.bus.subscribe({ event: ({ event }) => ids.push(event.id) });
    one.bus.publish('server.ending', {});
    await one.bus.flush();
    const two = openProcess(hub, 'process-2', assert.ifError);
    const later: string[] = [];
    const arrived = Promise.withResolvers<void>();
    const starts: boolean[] = [];
    await two.bus.subscribe({
      begin: ({ reset }) => starts.push(reset),
      event: ({ event }) => arrived.resolve(void later.push(event.id)),
    });
    await two.bus.subscribe({ begin: ({ reset }) => starts.push(reset), event: () => {} }, `${ids[0]!.slice(0, -1)}0`);
    one.bus.publish('server.ending', {});
    await Promise.all([one.bus.flush(), arrived.promise]);
    assert.equal(later.at(-1), ids.at(-1));
    assert.ok(later[0]! > ids[0]!);
    assert.deepEqual(starts, [false, true]);
  });

  test('flush does not wait for a supervisor that has ended', async () => {
    const hub = new EventHub(clock.nowMs());
    const { bus, remove, close } = openProcess(hub, 'process-1', assert.ifError);
    remove();
    bus.publish('server.ending', {});
    close();
    await bus.flush();
  });
});

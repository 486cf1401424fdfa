import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { OxbowEvent } from '../../src/api/events.ts';
import { eventBusContract, KEPT_EVENTS } from '../../src/cluster/bus/event-bus.contract.ts';
import type { EventBus, SubscriptionStart } from '../../src/cluster/bus/event-bus.ts';
import type { NatsLink } from '../../src/cluster/nats/nats.ts';
import type { NatsAddress } from '../../src/cluster/nats/nats-client.ts';
import { type NatsServer, startNats } from '../fixtures/engines/nats.ts';
import { openTcpProxy } from '../fixtures/engines/tcp-proxy.ts';
import { freePort } from '../fixtures/free-port.ts';
import { need } from '../fixtures/need.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';
import { connectNats, numberOf, numbers, openBus, publish, SOON_MS } from './nats.fixture.ts';

const skip = need('nats-server');
let server: NatsServer;
let prefixes = 0;
const newPrefix = () => `t${++prefixes}`;

// One server for the file.
before(async () => {
  if (!skip) server = await startNats();
});
after(() => server?.[Symbol.asyncDispose]());

const connect = (address: Partial<NatsAddress> = {}, timeoutMs?: number) =>
  connectNats({ url: server.url(), ...address }, timeoutMs);

/** Disposes several, in order. */
const all = (...opened: readonly AsyncDisposable[]) => ({
  async [Symbol.asyncDispose]() {
    for (const each of opened) await each[Symbol.asyncDispose]();
  },
});

/** What a subscriber receives. */
async function follow(bus: EventBus, after?: string) {
  const events: OxbowEvent[] = [];
  const start = Promise.withResolvers<SubscriptionStart>();
  let missed = 0;
  const { close } = await bus.subscribe(
    { begin: start.resolve, event: ({ event }) => void events.push(event), missed: () => void missed++ },
    after,
  );
  return { events, numbers: () => events.map(numberOf), missed: () => missed, start: await start.promise, close };
}

suite('events over NATS', { skip }, () => {
  eventBusContract('NATS', async () => {
    const nats = await connect();
    const errors: unknown[] = [];
    const bus = openBus(nats, newPrefix(), { maxEvents: KEPT_EVENTS, failed: (error) => errors.push(error) });
    return { bus, errors, ...all(bus, nats) };
  });

  test('events have the same ids in the same order at each node, and a subscriber continues at another one', async () => {
    await using nats = await connect();
    await using elsewhere = await connect();
    const prefix = newPrefix();
    await using first = openBus(nats, prefix);
    await using second = openBus(elsewhere, prefix);
    const [here, there] = [await follow(first), await follow(second)];
    for (let number = 0; number < 40; number += 2) {
      publish(first, number);
      publish(second, number + 1);
    }
    await until('all arrive', () => here.events.length === 40 && there.events.length === 40);
    assert.deepEqual(here.events, there.events);
    for (const parity of [0, 1]) {
      const own = here.numbers().filter((number) => number % 2 === parity);
      assert.deepEqual(
        own,
        own.toSorted((a, b) => a - b),
        'events of one process are in their order',
      );
    }
    here.close();
    const { start } = await follow(second, here.events[9]!.id);
    assert.deepEqual([start.reset, start.replay.map(({ event }) => event)], [false, here.events.slice(10)]);
  });

  test('without NATS events wait within a bound, and all are delivered in order afterwards', async () => {
    await using proxy = await openTcpProxy(server.port);
    await using nats = await connect({ url: server.url(proxy.port) }, SOON_MS);
    await using elsewhere = await connect();
    const prefix = newPrefix();
    await using bus = openBus(nats, prefix, { maxWaiting: 50 });
    await using other = openBus(elsewhere, prefix);
    const [here, there] = [await follow(bus), await follow(other)];
    publish(bus, 0);
    const expected = [0];
    let next = 1;
    const send = (count: number) => {
      publish(bus, ...numbers(next, next + count));
      next += count;
    };
    const arrive = (what: string) =>
      until(what, () => here.events.length === expected.length && there.events.length === expected.length);
    await arrive('the first event');
    for (const fail of [() => proxy.cut(), () => proxy.stall()]) {
      fail();
      send(20);
      await until('the connection is given up', () => nats.link === undefined);
      send(20);
      expected.push(...numbers(next - 40, next));
      proxy.restore();
      await arrive('all events are delivered');
    }
    proxy.cut();
    await until('the connection is given up', () => nats.link === undefined);
    send(120);
    assert.equal(bus.waiting, 50);
    expected.push(...numbers(next - 50, next));
    proxy.restore();
    await arrive('the newest events are delivered');
    assert.deepEqual(here.numbers(), expected);
    assert.deepEqual(there.numbers(), expected);
  });

  test('a server that is killed and started again has lost nothing; ids continue, and each event comes once', async () => {
    await using own = await startNats();
    await using nats = await connect({ url: own.url() });
    await using bus = openBus(nats, 'p');
    const subscriber = await follow(bus);
    publish(bus, 1, 2);
    await until('the events', () => subscriber.events.length === 2);
    publish(bus, 3, 4, 5); // one may be on its way
    await own.kill();
    await until('the connection has ended', () => nats.link === undefined);
    publish(bus, 6);
    await own.start();
    await until('the events', () => subscriber.events.length >= 6);
    publish(bus, 7);
    await until('a later one', () => subscriber.numbers().includes(7));
    assert.deepEqual(subscriber.numbers(), [1, 2, 3, 4, 5, 6, 7]);
    assert.equal(subscriber.missed(), 0);
    const { start } = await follow(bus, subscriber.events[0]!.id);
    assert.deepEqual(
      start.replay.map(({ event }) => numberOf(event)),
      [2, 3, 4, 5, 6, 7],
    );
  });

  test('a server that has lost its streams begins another log: subscribers are notified, older ids are a reset', async () => {
    await using own = await startNats();
    await using nats = await connect({ url: own.url() });
    await using bus = openBus(nats, 'p');
    const subscriber = await follow(bus);
    publish(bus, 1);
    await until('the event', () => subscriber.events.length === 1);
    await own.kill();
    await until('the connection has ended', () => nats.link === undefined);
    await own.forget();
    publish(bus, 2, 3);
    await own.start();
    await until('the events', () => subscriber.events.length === 3);
    publish(bus, 4);
    await until('a later one', () => subscriber.events.length === 4);
    assert.deepEqual(subscriber.numbers(), [1, 2, 3, 4]);
    assert.equal(subscriber.missed(), 1, 'what others published is lost');
    const ids = subscriber.events.map(({ id }) => id);
    assert.deepEqual(ids.toSorted(), ids);
    assert.equal((await follow(bus, ids[0])).start.reset, true);
    assert.deepEqual((await follow(bus, ids[1])).start.replay.length, 2);
  });

  test('a server that has lost its newest events by a loss of power gives their ids to no others', async () => {
    await using own = await startNats();
    await using nats = await connect({ url: own.url() });
    await using bus = openBus(nats, 'p');
    const subscriber = await follow(bus);
    const restart = async (change: () => Promise<void>) => {
      await until('the events are confirmed', () => bus.waiting === 0);
      await own.kill();
      await until('the connection has ended', () => nats.link === undefined);
      await change();
      await own.start();
    };
    publish(bus, 1, 2);
    await until('the events', () => subscriber.events.length === 2);
    await restart(own.save);
    publish(bus, 3, 4);
    await until('the events', () => subscriber.events.length === 4);
    await restart(own.revert);
    publish(bus, 5);
    await until('the event', () => subscriber.events.length === 5);
    assert.deepEqual(subscriber.numbers(), [1, 2, 3, 4, 5]);
    assert.equal(subscriber.missed(), 1, 'others may have published what is lost');
    const ids = subscriber.events.map(({ id }) => id);
    assert.deepEqual(ids.toSorted(), ids);
    assert.equal(new Set(ids).size, 5);
    assert.equal((await follow(bus, ids[2])).start.reset, true);
    assert.deepEqual((await follow(bus, ids[3])).start.replay.length, 1);
  });

  test('a node that was away for longer than the stream keeps is notified of the hole; the newest events follow', async () => {
    await using proxy = await openTcpProxy(server.port);
    await using nats = await connect({ url: server.url(proxy.port) });
    await using elsewhere = await connect();
    const prefix = newPrefix();
    await using bus = openBus(nats, prefix, { maxEvents: KEPT_EVENTS });
    await using other = openBus(elsewhere, prefix, { maxEvents: KEPT_EVENTS });
    const subscriber = await follow(bus);
    publish(other, 0);
    await until('the event', () => subscriber.events.length === 1);
    proxy.cut();
    await until('the connection has ended', () => nats.link === undefined);
    publish(other, ...numbers(1, 11));
    await other.flush();
    proxy.restore();
    await until('the newest events', () => subscriber.events.length === 1 + KEPT_EVENTS);
    assert.deepEqual(subscriber.numbers(), [0, 7, 8, 9, 10]);
    assert.equal(subscriber.missed(), 1);
  });

  test('an event whose confirmation is lost is stored once, also after JetStream has forgotten its id', async () => {
    await using nats = await connect();
    let isLost = true;
    const lossy = (link: NatsLink): NatsLink => ({
      ended: link.ended,
      maxBytes: link.maxBytes,
      publish: (subject, body) => link.publish(subject, body),
      subscribe: (subject, receive) => link.subscribe(subject, receive),
      async request(subject, body, options) {
        const reply = await link.request(subject, body, options);
        if (!isLost || subject.startsWith('$JS')) return reply;
        isLost = false;
        throw new Error('the confirmation is lost');
      },
    });
    const link = nats.link!;
    const lossyNats = {
      onLink(use: (link: NatsLink) => void) {
        use(lossy(link));
        return () => undefined;
      },
    };
    // JetStream knows ids no longer than it keeps events.
    await using bus = openBus(lossyNats as never, newPrefix(), { maxAgeMs: 1000 });
    const subscriber = await follow(bus);
    publish(bus, 1);
    await until('it is tried again', () => !isLost && bus.waiting === 0);
    publish(bus, 2);
    await until('the next event', () => subscriber.numbers().includes(2));
    assert.deepEqual(subscriber.numbers(), [1, 2]);
  });

  fullTest(
    'three servers store the stream: after the end of one its nodes continue at another, in the same order',
    async () => {
      const routes = [await freePort(), await freePort(), await freePort()];
      const others = routes.map((port) => `"nats://127.0.0.1:${port}"`).join(', ');
      const lines = (i: number) => [
        `server_name: "s${i}"`,
        `cluster { name: "three", listen: "127.0.0.1:${routes[i]}", routes: [${others}] }`,
      ];
      const three = await Promise.all([0, 1, 2].map((i) => startNats({ lines: lines(i) })));
      await using _ = all(...three);
      const servers = three.map(({ port }) => `127.0.0.1:${port}`);
      await using nats = await connect({ url: three[0]!.url(), servers }, 2000);
      await using elsewhere = await connect({ url: three[1]!.url(), servers }, 2000);
      await using bus = openBus(nats, 'p', { replicas: 3 });
      await using other = openBus(elsewhere, 'p', { replicas: 3 });
      const [here, there] = [await follow(bus), await follow(other)];
      const arrive = (count: number) =>
        until('all arrive', () => here.numbers().includes(count) && there.numbers().includes(count));
      publish(bus, 1);
      publish(other, 1);
      await arrive(1);
      await three[0]!.kill();
      for (let number = 2; number <= 20; number++) publish(bus, number);
      await arrive(20);
      // A subscriber begins when its link is ready: one may have begun with the second event.
      const both = Math.min(here.events.length, there.events.length);
      assert.ok(both >= 20, `${both} events`);
      assert.deepEqual(here.events.slice(-both), there.events.slice(-both));
      assert.deepEqual(
        here
          .numbers()
          .slice(-20)
          .toSorted((a, b) => a - b),
        here.numbers().slice(-20),
      );
      assert.deepEqual([here.missed(), there.missed()], [0, 0]);
    },
  );

  fullTest('thousands of events a second are stored and received, each once and in order', async (t) => {
    await using nats = await connect();
    await using elsewhere = await connect();
    const prefix = newPrefix();
    await using bus = openBus(nats, prefix);
    await using other = openBus(elsewhere, prefix);
    const subscriber = await follow(other);
    publish(bus, 0);
    await until('both are ready', () => subscriber.events.length === 1);
    const beganMs = performance.now();
    publish(bus, ...numbers(1, 8001));
    await until('all arrive', () => subscriber.events.length === 8001, { everyMs: 5 });
    t.diagnostic(`${Math.round(8000 / ((performance.now() - beganMs) / 1000))} events a second`);
    assert.deepEqual(subscriber.numbers(), numbers(0, 8001));
    assert.equal(subscriber.missed(), 0);
  });

  test('a frozen server is given up; what was published meanwhile arrives once it runs again', async () => {
    await using own = await startNats();
    await using nats = await connect({ url: own.url() }, SOON_MS);
    await using bus = openBus(nats, 'p');
    const subscriber = await follow(bus);
    publish(bus, 1);
    await until('the event', () => subscriber.events.length === 1);
    own.signal('SIGSTOP');
    publish(bus, 2, 3);
    await until('the connection is given up', () => nats.link === undefined);
    publish(bus, 4);
    own.signal('SIGCONT');
    await until('the events', () => subscriber.events.length === 4);
    assert.deepEqual(subscriber.numbers(), [1, 2, 3, 4]);
    assert.equal(subscriber.missed(), 0);
  });

  test('a node that does not read is disconnected by the server, and gets everything in order afterwards', async () => {
    const monitor = await freePort();
    await using own = await startNats({ lines: [`http: "127.0.0.1:${monitor}"`, 'max_pending: 2097152'] });
    await using proxy = await openTcpProxy(own.port);
    await using nats = await connect({ url: own.url(proxy.port) });
    await using elsewhere = await connect({ url: own.url() });
    await using bus = openBus(nats, 'p');
    await using other = openBus(elsewhere, 'p');
    const subscriber = await follow(bus);
    publish(other, 0);
    await until('the event', () => subscriber.events.length === 1);
    proxy.stall();
    const detail = 'x'.repeat(400_000);
    for (let i = 0; i < 40; i++) other.publish('service.failing', { service: String(i), detail });
    await until('the server calls it slow', async () => {
      const answer = await fetch(`http://127.0.0.1:${monitor}/varz`);
      return ((await answer.json()) as { slow_consumers: number }).slow_consumers > 0;
    });
    proxy.restore();
    await until('all events', () => subscriber.events.length === 41);
    const services = subscriber.events.slice(1).map(({ data }) => Number((data as { service: string }).service));
    assert.deepEqual(services, numbers(0, 40));
    assert.equal(subscriber.missed(), 0);
  });

  test('a subscriber that comes back after all events have ended gets a reset at once', async () => {
    await using nats = await connect();
    await using bus = openBus(nats, newPrefix(), { maxAgeMs: 500 });
    const { events } = await follow(bus);
    publish(bus, 1, 2);
    await bus.flush();
    const { start } = await until('the events have ended', async () => {
      const again = await follow(bus, events[0]!.id);
      return again.start.reset && again;
    });
    assert.deepEqual(start.replay, []);
    assert.equal((await follow(bus, events[1]!.id)).start.reset, false, 'nothing was missed after the newest');
    publish(bus, 3);
    await until('the next event', () => events.length === 3);
    assert.equal(events[2]!.id > events[1]!.id, true);
  });

  test('a subscriber that comes back after more events than are sent again gets a reset', async () => {
    await using nats = await connect();
    await using bus = openBus(nats, newPrefix(), { maxReplay: 5 });
    const { events } = await follow(bus);
    publish(bus, ...numbers(0, 8));
    await bus.flush();
    assert.equal((await follow(bus, events[2]!.id)).start.replay.length, 5);
    assert.equal((await follow(bus, events[1]!.id)).start.reset, true);
  });

  test('an event that no message can hold is reported and dropped; the next ones arrive', async () => {
    await using nats = await connect();
    const errors: unknown[] = [];
    await using bus = openBus(nats, newPrefix(), { failed: (error) => errors.push(error) });
    const { events, missed } = await follow(bus);
    bus.publish('service.failing', { service: 'mail', detail: 'x'.repeat(2_000_000) });
    publish(bus, 1);
    await bus.flush();
    assert.deepEqual(events.map(numberOf), [1]);
    assert.equal(missed(), 1);
    assert.match(String(errors[0]), /service\.failing is larger/);
  });

  test('a server without JetStream keeps no events: they wait, and are stored by one that has it', async () => {
    await using plain = await startNats({ hasStreams: false });
    await using proxy = await openTcpProxy(plain.port);
    await using nats = await connect({ url: server.url(proxy.port) });
    await using bus = openBus(nats, newPrefix(), { readyMs: SOON_MS });
    publish(bus, 1);
    const subscriber = await follow(bus);
    await bus.flush();
    assert.deepEqual([bus.waiting, subscriber.events], [1, []]);
    proxy.target(server.port);
    proxy.cut();
    proxy.restore();
    await until('the event arrives', () => subscriber.events.length === 1);
  });
});

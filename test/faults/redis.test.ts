import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { OxbowEvent } from '../../src/api/events.ts';
import { eventBusContract, KEPT_EVENTS } from '../../src/cluster/bus/event-bus.contract.ts';
import type { SubscriptionStart } from '../../src/cluster/bus/event-bus.ts';
import { openRedisEventBus, type RedisBusOptions, type RedisEventBus } from '../../src/cluster/bus/redis-event-bus.ts';
import { leaseContract } from '../../src/cluster/lease/lease.contract.ts';
import { Leases } from '../../src/cluster/lease/lease.ts';
import { createRedisLeases } from '../../src/cluster/lease/redis-leases.ts';
import { isRedisFailure, openRedis, type Redis } from '../../src/cluster/redis/redis.ts';
import { Breaker } from '../../src/lib/breaker/breaker.ts';
import { createManualClock, createSystemClock } from '../../src/lib/clock.ts';
import { type RedisServer, startRedis, startReplica, startSentinels } from '../fixtures/engines/redis.ts';
import { openTcpProxy } from '../fixtures/engines/tcp-proxy.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullSuite, fullTest } from '../full.ts';

const skip = need('redis-server');
let server: RedisServer;
let prefixes = 0;
const newPrefix = () => `t${++prefixes}`;

// One server for the file.
before(async () => {
  if (!skip) server = await startRedis();
});
after(() => server?.[Symbol.asyncDispose]());

/** A bus with the clock of this computer. */
const openBus = (redis: Redis, prefix: string, options: Partial<RedisBusOptions> = {}) =>
  openRedisEventBus({
    redis,
    prefix,
    clock: createSystemClock(),
    failed: (error) => assert.fail(String(error)),
    ...options,
  });

/** Of a connection that a test stalls, ms. */
const SOON_MS = 500;

/** A connection that gives up late, as long as Redis is only slow, and tries again soon. */
async function connect(url = server.url(), sentinels: readonly number[] = [], timeoutMs = 10_000): Promise<Redis> {
  const breaker = new Breaker({
    service: 'redis',
    timeoutMs,
    failures: 3,
    minPauseMs: 50,
    maxPauseMs: 100,
    isFailure: isRedisFailure,
    onChange() {},
  });
  const redis = openRedis({
    url,
    timeoutMs,
    breaker,
    sentinelName: 'oxbow',
    sentinels: sentinels.map((port) => `127.0.0.1:${port}`),
  });
  await until('Redis is connected', () => redis.isConnected);
  return redis;
}

/** Disposes several, in order. */
const all = (...opened: readonly AsyncDisposable[]) => ({
  async [Symbol.asyncDispose]() {
    for (const each of opened) await each[Symbol.asyncDispose]();
  },
});

suite('Redis', { skip }, () => {
  leaseContract('Redis', async () => {
    const clock = createManualClock();
    const redis = await connect();
    return {
      store: createRedisLeases({ redis, prefix: newPrefix(), nowMs: () => clock.nowMs() }),
      clock,
      ...all(redis),
    };
  });

  eventBusContract('Redis', async () => {
    const redis = await connect();
    const errors: unknown[] = [];
    const bus = openBus(redis, newPrefix(), { maxEvents: KEPT_EVENTS, failed: (error) => errors.push(error) });
    return { bus, errors, ...all(bus, redis) };
  });

  test('leases expire by the clock of Redis, and tokens rise after it has lost all that it had', async () => {
    await using own = await startRedis();
    await using redis = await connect(own.url());
    const store = createRedisLeases({ redis, prefix: 'p' });
    const first = await store.take('door', { holder: 'a', ttlMs: 300 });
    assert.ok(Math.abs(first.expiresMs - Date.now()) < 60_000);
    const second = await until('the lease expires', async () => {
      const state = await store.take('door', { holder: 'b', ttlMs: 60_000 });
      return state.isTaken && state;
    });
    await own.kill();
    await own.start();
    await until('Redis is connected again', () => redis.isConnected);
    const third = await until('Redis answers', () => store.take('door', { holder: 'c', ttlMs: 60_000 }));
    assert.ok(third.isTaken && first.token < second.token && second.token < third.token);
    assert.equal(await store.renew('door', second.token, 60_000), false, 'the lost lease is not renewed');
  });

  test('events that waited for a Redis which has lost all that it had reach every subscriber, those of their own process too', async () => {
    await using own = await startRedis();
    await using redis = await connect(own.url());
    await using bus = openBus(redis, 'p');
    const received: unknown[] = [];
    const publish = (number: number) =>
      bus.publish('stream.generation', { number }, { name: 'door', visibility: 'public' });
    let missed = 0;
    await bus.subscribe({
      event: ({ event }) => void received.push((event.data as { number: number }).number),
      missed: () => missed++,
    });
    publish(1);
    await until('the event', () => received.length === 1);
    await own.kill();
    await until('the connection has ended', () => !redis.isConnected);
    publish(2);
    publish(3);
    await own.start();
    await until('Redis is connected again', () => redis.isConnected);
    await bus.flush();
    publish(4);
    await until('the events', () => received.includes(4));
    assert.deepEqual(received, [1, 2, 3, 4]);
    assert.equal(missed, 1, 'what others published is lost');
  });

  test('without Redis calls fail at once, events wait within a bound, and all are delivered in order afterwards', async () => {
    await using proxy = await openTcpProxy(server.port);
    await using redis = await connect(server.url(proxy.port), [], SOON_MS);
    await using elsewhere = await connect();
    const prefix = newPrefix();
    await using bus = openBus(redis, prefix, { maxWaiting: 50 });
    await using other = openBus(elsewhere, prefix);
    const here: number[] = [];
    const there: number[] = [];
    await bus.subscribe({ event: ({ event }) => void here.push((event.data as { number: number }).number) });
    await other.subscribe({
      event: ({ event, isForeign }) => {
        assert.equal(isForeign, true);
        there.push((event.data as { number: number }).number);
      },
    });
    let next = 0;
    const publish = (count: number) => {
      for (let i = 0; i < count; i++)
        bus.publish('stream.generation', { number: next++ }, { name: 'door', visibility: 'public' });
    };
    const expected: number[] = [];
    const arrive = (what: string) =>
      until(what, () => here.length === expected.length && there.length === expected.length);
    const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

    for (const fail of [() => proxy.cut(), () => proxy.stall()]) {
      fail();
      publish(20);
      await until('the connection is given up', () => !redis.isConnected);
      await assert.rejects(redis.send('PING'), { name: 'OxbowError', code: 'service-unavailable' });
      publish(20);
      expected.push(...numbers(next - 40, next));
      proxy.restore();
      await arrive('all events are delivered');
    }
    proxy.slow(30);
    publish(20);
    expected.push(...numbers(next - 20, next));
    await arrive('events are delivered over a slow network');
    proxy.cut();
    await until('the connection is given up', () => !redis.isConnected);
    publish(120);
    assert.equal(bus.waiting, 50);
    expected.push(...numbers(next - 50, next));
    proxy.restore();
    await arrive('the newest events are delivered');
    assert.deepEqual(here, expected);
    assert.deepEqual(there, expected);
  });

  test('a subscriber continues at another node with the last id that it got at the first one', async () => {
    await using redis = await connect();
    const prefix = newPrefix();
    await using first = openBus(redis, prefix);
    await using second = openBus(redis, prefix);
    const publish = (bus: RedisEventBus, number: number) => {
      bus.publish('stream.generation', { number }, { name: 'door', visibility: 'public' });
      return bus.flush();
    };
    const seen: OxbowEvent[] = [];
    const { close } = await first.subscribe({ event: ({ event }) => seen.push(event) });
    await publish(second, 1);
    await until('the event of the other node arrives', () => seen.length === 1);
    close();
    await publish(first, 2);
    await publish(second, 3);
    const start = Promise.withResolvers<SubscriptionStart>();
    await second.subscribe({ begin: start.resolve, event() {} }, seen[0]!.id);
    const { replay, reset } = await start.promise;
    assert.deepEqual([reset, replay.map(({ event }) => event.data)], [false, [{ number: 2 }, { number: 3 }]]);
  });

  test('a lease whose holder loses Redis is lost after its time, and another node has a higher token', async () => {
    await using proxy = await openTcpProxy(server.port);
    await using redis = await connect(server.url(proxy.port), [], SOON_MS);
    await using elsewhere = await connect();
    const prefix = newPrefix();
    const clock = createSystemClock();
    const leases = new Leases({ store: createRedisLeases({ redis, prefix }), clock, failed() {} });
    const others = new Leases({ store: createRedisLeases({ redis: elsewhere, prefix }), clock, failed() {} });
    const ask = { ttlMs: 900, signal: new AbortController().signal };
    const { lease } = await leases.acquire('door', { ...ask, holder: 'a' });
    proxy.stall();
    const { lease: next } = await others.acquire('door', { ...ask, ttlMs: 3000, holder: 'b', ifHeld: 'wait' });
    if (!lease!.lost.aborted) await once(lease!.lost, 'abort');
    assert.ok(next!.token > lease!.token);
    proxy.restore();
    await until('Redis is connected again', () => redis.isConnected);
    await until(
      'the old holder is refused',
      async () => !(await createRedisLeases({ redis, prefix }).renew('door', lease!.token, 900)),
    );
    assert.equal(next!.lost.aborted, false);
    await next![Symbol.asyncDispose]();
  });
});

/** Types of events that a server reports, with the names of their streams. */
async function follow(node: Server): Promise<string[]> {
  const seen: string[] = [];
  const { body } = await node.fetch('/api/v1/events?types=stream.created');
  const read = async () => {
    let rest = '';
    for await (const piece of body!.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + piece).split('\n');
      rest = lines.pop()!;
      for (const line of lines.filter((each) => each.startsWith('data: '))) {
        const { type, stream } = JSON.parse(line.slice(6)) as OxbowEvent;
        seen.push(`${type} ${stream}`);
      }
    }
  };
  read().catch(() => undefined); // with the end of the server
  await until('the events are followed', () => seen[0]?.startsWith('events.'));
  seen.length = 0;
  return seen;
}

suite('oxbow in a cluster', { skip }, () => {
  const adminToken = 'redis-tests-need-one';
  const start = (folder: Folder, name: string, url: string, prefix: string, ...args: readonly string[]) =>
    startServer({
      data: join(folder.path, name),
      adminToken,
      args: ['--cluster-enabled', 'true', '--redis-url', url, '--redis-prefix', prefix, ...args],
    });
  const create = async (node: Server, name: string) => {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ name, source: { type: 'push' } });
    const answer = await node.fetch('/api/v1/streams', { method: 'POST', headers, body });
    assert.equal(answer.status, 201, await answer.text());
  };

  test('events of each node reach clients of all, webhooks are called once, and without Redis each node works on', async () => {
    await using folder = await openFolder('cluster');
    await using proxy = await openTcpProxy(server.port);
    const prefix = newPrefix();
    const delivered: string[] = [];
    await using receiver = createServer((request, response) => {
      let text = '';
      request.on('data', (piece) => {
        text += piece;
      });
      request.on('end', () => {
        delivered.push((JSON.parse(text) as OxbowEvent).stream ?? '');
        response.end();
      });
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    await using first = await start(folder, 'first', server.url(proxy.port), prefix);
    await using second = await start(folder, 'second', server.url(), prefix);
    const hook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    for (const node of [first, second]) {
      const answer = await node.fetch('/api/v1/webhooks', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ url: hook, types: ['stream.created'] }),
      });
      assert.equal(answer.status, 201, await answer.text());
    }
    const seen = [await follow(first), await follow(second)];
    await create(first, 'door');
    await create(second, 'hall');
    const arrive = (...names: readonly string[]) =>
      until(`${names} are seen by both and delivered`, () => {
        const expected = names.map((name) => `stream.created ${name}`).sort();
        const areSeen = seen.every((each) => each.toSorted().join() === expected.join());
        return areSeen && delivered.toSorted().join() === names.toSorted().join();
      });
    await arrive('door', 'hall');

    proxy.cut();
    await until('the node reports it', () => first.log('warn').some(({ msg }) => msg.includes('Redis has ended')));
    await create(first, 'garden'); // works on
    assert.equal((await first.fetch('/ready')).status, 200);
    assert.match(await (await first.fetch('/metrics')).text(), /oxbow_events_waiting [1-9]/);
    proxy.restore();
    await arrive('door', 'hall', 'garden');
  });

  fullTest('as a shadow Redis does the same beside the server, and is compared', async () => {
    await using folder = await openFolder('cluster-shadow');
    await using node = await start(
      folder,
      'only',
      server.url(),
      newPrefix(),
      '--cluster-shadow',
      'true',
      ...smallPicture,
    );
    await node.stream('demo');
    const seen = await follow(node);
    await create(node, 'door');
    await until('the event is seen', () => seen.includes('stream.created door'));
    const text = await until('both parts are compared', async () => {
      const metrics = await (await node.fetch('/metrics')).text();
      const has = (part: string) => metrics.includes(`oxbow_cluster_shadow_total{part="${part}",result="same"}`);
      return has('events') && has('leases') && metrics;
    });
    assert.doesNotMatch(text, /oxbow_cluster_shadow_total\{.*result="(different|failed)"/);
  });
});

fullSuite('Redis with sentinels', { skip: skip || need('redis-sentinel') }, () => {
  test('with two masters after a failover the old one gives no lease that needs a replica, and the old holder loses its own at the new one', async () => {
    await using master = await startRedis();
    // Sentinels and the replica are on the other side of a network that will be cut.
    await using network = await openTcpProxy(master.port);
    await using _ = await startReplica(network);
    await using direct = await connect(master.url());
    await until('the replica follows', async () => {
      return String(await direct.send('INFO', 'replication')).includes('state=online');
    });
    await using sentinels = await startSentinels(network);
    await using redis = await connect('redis://unused', sentinels.ports);
    const prefix = newPrefix();
    const leasesWithin = (replicasMs: number) => createRedisLeases({ redis: direct, prefix, replicas: 1, replicasMs });
    const first = await leasesWithin(5000).take('door', { holder: 'a', ttlMs: 1000 });
    assert.ok(first.isTaken);
    network.cut();
    await sentinels.promoteSoon();
    // One replica is now the master and has none: a lease of one holder counts without replicas.
    const leases = createRedisLeases({ redis, prefix });
    const second = await until('another node has the lease at the new master', async () => {
      const state = await leases.take('door', { holder: 'b', ttlMs: 60_000 });
      return state.isTaken && state;
    });
    assert.ok(second.token > first.token);

    const alone = createRedisLeases({ redis: direct, prefix });
    const old = leasesWithin(300);
    assert.equal(await alone.renew('door', first.token, 1000), true, 'the old master does not know');
    await assert.rejects(old.renew('door', first.token, 1000), { code: 'service-unavailable' }, 'no replica has it');
    await assert.rejects(old.take('window', { holder: 'a', ttlMs: 1000 }), { code: 'service-unavailable' });
    assert.equal(await leases.renew('door', first.token, 1000), false);
  });
});

import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { eventBusContract, KEPT_EVENTS } from '../../src/cluster/event-bus.contract.ts';
import { leaseContract } from '../../src/cluster/lease.contract.ts';
import { isRedisFailure, openRedis, type Redis } from '../../src/cluster/redis/redis.ts';
import { openRedisEventBus } from '../../src/cluster/redis/redis-event-bus.ts';
import { createRedisLeases } from '../../src/cluster/redis/redis-leases.ts';
import { Breaker } from '../../src/lib/breaker/breaker.ts';
import { createManualClock, createSystemClock } from '../../src/lib/clock.ts';
import { type RedisServer, startRedis } from '../fixtures/engines/redis.ts';
import { need } from '../fixtures/need.ts';
import { until } from '../fixtures/wait.ts';

const skip = need('redis-server');
let server: RedisServer;
let prefixes = 0;
const newPrefix = () => `t${++prefixes}`;

// One server for the file.
before(async () => {
  if (!skip) server = await startRedis();
});
after(() => server?.[Symbol.asyncDispose]());

/** A connection that gives up after half a second, and tries again soon. */
async function connect(url = server.url(), sentinels: readonly number[] = []): Promise<Redis> {
  const timeoutMs = 500;
  const breaker = new Breaker({
    ...{ service: 'redis', timeoutMs, failures: 3, minPauseMs: 50, maxPauseMs: 100, isFailure: isRedisFailure },
    onChange() {},
  });
  const redis = openRedis({
    ...{ url, timeoutMs, breaker, sentinelName: 'oxbow' },
    sentinels: sentinels.map((port) => `127.0.0.1:${port}`),
  });
  await until('Redis is connected', () => redis.isConnected);
  return redis;
}

suite('Redis', { skip }, () => {
  leaseContract('Redis', async () => {
    const clock = createManualClock();
    const redis = await connect();
    const store = createRedisLeases({ redis, prefix: newPrefix(), nowMs: () => clock.nowMs() });
    return { store, clock, [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose]() };
  });

  eventBusContract('Redis', async () => {
    const redis = await connect();
    const errors: unknown[] = [];
    const bus = openRedisEventBus({
      ...{ redis, prefix: newPrefix(), clock: createSystemClock(), maxEvents: KEPT_EVENTS },
      failed: (error) => errors.push(error),
    });
    return {
      ...{ bus, errors },
      async [Symbol.asyncDispose]() {
        await bus[Symbol.asyncDispose]();
        await redis[Symbol.asyncDispose]();
      },
    };
  });
});

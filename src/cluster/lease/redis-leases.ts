/**
 * Leases in Redis: one hash for each name, changed by scripts in one atomic step, with the clock of Redis.
 * In: names. Out: LeaseStore. Tokens are times of Redis, so that they rise also after a failover that lost
 * the last ones.
 */
import { OxbowError } from '../../lib/errors.ts';
import type { Redis } from '../redis/redis.ts';
import { timedScript } from '../redis/redis-script.ts';
import type { LeaseStore } from './lease.ts';

/** Dependencies of the leases. */
export interface RedisLeasesOptions {
  readonly redis: Pick<Redis, 'run' | 'send'>;
  /** First part of the keys. */
  readonly prefix: string;
  /** Replicas that must have a lease before it counts, 0 by default. */
  readonly replicas?: number;
  /** Longest wait for them, ms, 1,000 by default; shorter than that for a reply. */
  readonly replicasMs?: number;
  /** For tests: in place of the clock of Redis, ms since 1970. */
  readonly nowMs?: () => number;
}

/** A lease without a holder is forgotten after this, ms. Later its token is a later time. */
const FORGET_MS = 24 * 3_600_000;
const REPLICAS_MS = 1000;

// A released lease stays, so that its next token is higher.
const TAKE = timedScript(`
local holder, ttl, replaces = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local held = redis.call('HMGET', KEYS[1], 'holder', 'token', 'expires')
local last, expires = tonumber(held[2] or '0'), tonumber(held[3] or '0')
if held[1] and expires > now and last ~= replaces then return { held[1], last, expires, 0 } end
local token = math.max(last + 1, math.floor(now))
redis.call('HSET', KEYS[1], 'holder', holder, 'token', string.format('%.0f', token), 'expires', string.format('%.0f', now + ttl))
redis.call('PEXPIRE', KEYS[1], ttl + ${FORGET_MS})
return { holder, token, now + ttl, 1 }`);

const RENEW = timedScript(`
local held = redis.call('HMGET', KEYS[1], 'holder', 'token')
if not held[1] or tonumber(held[2]) ~= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'expires', string.format('%.0f', now + ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[2] + ${FORGET_MS})
return 1`);

const RELEASE = timedScript(`
if tonumber(redis.call('HGET', KEYS[1], 'token') or '0') ~= tonumber(ARGV[1]) then return 0 end
redis.call('HDEL', KEYS[1], 'holder')
return 1`);

/** Creates the store. Its methods throw as `Redis.send`. */
export function createRedisLeases(options: RedisLeasesOptions): LeaseStore {
  const { redis, prefix, replicas = 0, nowMs } = options;
  const keyOf = (name: string) => [`${prefix}:lease:${name}`];
  const now = () => (nowMs ? String(nowMs()) : '');
  return {
    async take(name, { holder, ttlMs, replaces }) {
      const reply = await redis.run(TAKE, keyOf(name), [holder, ttlMs, replaces ?? '', now()]);
      const [owner, token, expiresMs, isTaken] = reply as readonly [string, number, number, number];
      const state = { holder: owner, token, expiresMs, isTaken: isTaken === 1 };
      if (!state.isTaken || (await isReplicated(options))) return state;
      await redis.run(RELEASE, keyOf(name), [token, now()]);
      throw new OxbowError('service-unavailable', `Fewer than ${replicas} replicas of Redis have the lease.`);
    },
    async renew(name, token, ttlMs) {
      const isRenewed = (await redis.run(RENEW, keyOf(name), [token, ttlMs, now()])) === 1;
      if (!isRenewed || (await isReplicated(options))) return isRenewed;
      // An old master that a failover left isolated would renew for ever.
      throw new OxbowError('service-unavailable', `Fewer than ${replicas} replicas of Redis have the renewal.`);
    },
    async release(name, token) {
      await redis.run(RELEASE, keyOf(name), [token, now()]);
    },
  };
}

/** Whether enough replicas have the earlier writes, over the same connection. */
async function isReplicated({ redis, replicas = 0, replicasMs = REPLICAS_MS }: RedisLeasesOptions): Promise<boolean> {
  return replicas === 0 || Number(await redis.send('WAIT', String(replicas), String(replicasMs))) >= replicas;
}

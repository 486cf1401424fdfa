/**
 * The registry of streams and presence in Redis: sorted sets by expiry, with the clock of Redis.
 * In: places, users. Out: StreamRegistry, Presence. Each change also removes what has expired.
 */
import type { Presence, Present } from '../presence.ts';
import type { KnownPlace, StreamPlace, StreamRegistry } from '../stream-registry.ts';
import type { Redis } from './redis.ts';
import { timedScript } from './redis-script.ts';

/** What both work with. */
export interface RedisRegistryOptions {
  readonly redis: Pick<Redis, 'run'>;
  /** First part of the keys. */
  readonly prefix: string;
  /** For tests: in place of the clock of Redis, ms since 1970. */
  readonly nowMs?: () => number;
}

/** Expired entries that one change removes. */
const SWEPT = 100;

// KEYS: expiries by name, places by name.
const PUT_PLACE = timedScript(`
for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ${SWEPT})) do
  redis.call('ZREM', KEYS[1], old)
  redis.call('HDEL', KEYS[2], old)
end
local place = redis.call('HGET', KEYS[2], ARGV[1])
if place and cjson.decode(place).token > tonumber(ARGV[3]) then return 0 end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[4]), ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return 1`);

const REMOVE_PLACE = timedScript(`
local place = redis.call('HGET', KEYS[2], ARGV[1])
if not place or cjson.decode(place).token ~= tonumber(ARGV[2]) then return 0 end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
return 1`);

const FIND_PLACE = timedScript(`
local expires = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or '0')
if expires <= now then return {} end
return { redis.call('HGET', KEYS[2], ARGV[1]), expires }`);

const ALL_PLACES = timedScript(`
local found = {}
local rows = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now), '+inf', 'WITHSCORES')
for i = 1, #rows, 2 do
  found[#found + 1] = redis.call('HGET', KEYS[2], rows[i])
  found[#found + 1] = tonumber(rows[i + 1])
end
return found`);

const PUT_PRESENT = timedScript(`
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for i = 2, #ARGV - 1 do redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[1]), ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1`);

const REMOVE_PRESENT = timedScript(`return redis.call('ZREM', KEYS[1], ARGV[1])`);

const PRESENT_IN = timedScript(
  `return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now), '+inf')`,
);

/** Creates the registry. Its methods throw as `Redis.send`. */
export function createRedisRegistry({ redis, prefix, nowMs }: RedisRegistryOptions): StreamRegistry {
  const keys = [`${prefix}:streams`, `${prefix}:streams:places`];
  const now = () => (nowMs ? String(nowMs()) : '');
  const placeOf = (json: string, expiresMs: number): KnownPlace => ({
    ...(JSON.parse(json) as StreamPlace),
    expiresMs,
  });
  return {
    async put({ name, node, address, token }, ttlMs) {
      const json = JSON.stringify({ name, node, address, token });
      return (await redis.run(PUT_PLACE, keys, [name, json, token, ttlMs, now()])) === 1;
    },
    async remove(name, token) {
      await redis.run(REMOVE_PLACE, keys, [name, token, now()]);
    },
    async find(name) {
      const [json, expiresMs] = (await redis.run(FIND_PLACE, keys, [name, now()])) as readonly [string?, number?];
      return json === undefined || expiresMs === undefined ? undefined : placeOf(json, expiresMs);
    },
    async all(limit) {
      const flat = (await redis.run(ALL_PLACES, keys, [now()])) as readonly (string | number)[];
      const places: KnownPlace[] = [];
      for (let i = 0; i + 1 < flat.length; i += 2) places.push(placeOf(flat[i] as string, flat[i + 1] as number));
      return places.sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, limit);
    },
  };
}

/** Creates the presence. Its methods throw as `Redis.send`. */
export function createRedisPresence({ redis, prefix, nowMs }: RedisRegistryOptions): Presence {
  const keyOf = (room: string) => [`${prefix}:room:${room}`];
  const now = () => (nowMs ? String(nowMs()) : '');
  const memberOf = ({ user, node }: Present) => JSON.stringify([user, node]);
  return {
    async put(present, ttlMs) {
      const rooms = Map.groupBy(present, ({ room }) => room);
      await Promise.all(
        [...rooms].map(([room, users]) => redis.run(PUT_PRESENT, keyOf(room), [ttlMs, ...users.map(memberOf), now()])),
      );
    },
    async remove(present) {
      await redis.run(REMOVE_PRESENT, keyOf(present.room), [memberOf(present), now()]);
    },
    async in(room) {
      const members = (await redis.run(PRESENT_IN, keyOf(room), [now()])) as readonly string[];
      return [...members].sort().map((member) => {
        const [user, node] = JSON.parse(member) as [string, string];
        return { room, user, node };
      });
    },
  };
}

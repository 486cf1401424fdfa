/**
 * The registry of streams and presence within one process: maps.
 * In: places, users. Out: StreamRegistry, Presence. What has expired is removed when it is found.
 */
import type { Clock } from '../lib/clock.ts';
import type { Presence, Present } from './presence.ts';
import type { KnownPlace, StreamRegistry } from './stream-registry.ts';

/** Creates an empty registry. */
export function createLocalRegistry(clock: Pick<Clock, 'nowMs'>): StreamRegistry {
  const places = new Map<string, KnownPlace>();
  const find = (name: string): KnownPlace | undefined => {
    const place = places.get(name);
    if (!place || place.expiresMs > clock.nowMs()) return place;
    places.delete(name);
    return undefined;
  };
  return {
    async put(place, ttlMs) {
      if ((find(place.name)?.token ?? 0) > place.token) return false;
      places.set(place.name, { ...place, expiresMs: clock.nowMs() + ttlMs });
      return true;
    },
    async remove(name, token) {
      if (places.get(name)?.token === token) places.delete(name);
    },
    find: async (name) => find(name),
    all: async (limit) =>
      [...places.keys()]
        .sort()
        .flatMap((name) => find(name) ?? [])
        .slice(0, limit),
  };
}

/** Creates an empty presence. */
export function createLocalPresence(clock: Pick<Clock, 'nowMs'>): Presence {
  /** By room; then ends by user and node, ms. */
  const rooms = new Map<string, Map<string, Present & { readonly expiresMs: number }>>();
  const keyOf = ({ user, node }: Present) => JSON.stringify([user, node]);
  const forget = (room: string, key: string) => {
    const users = rooms.get(room);
    users?.delete(key);
    if (users?.size === 0) rooms.delete(room);
  };
  return {
    async put(present, ttlMs) {
      for (const each of present) {
        const users = rooms.get(each.room) ?? new Map();
        rooms.set(each.room, users.set(keyOf(each), { ...each, expiresMs: clock.nowMs() + ttlMs }));
      }
    },
    async remove(present) {
      forget(present.room, keyOf(present));
    },
    async in(room) {
      const users = [...(rooms.get(room) ?? [])];
      for (const [key, { expiresMs }] of users) if (expiresMs <= clock.nowMs()) forget(room, key);
      return users
        .filter(([, { expiresMs }]) => expiresMs > clock.nowMs())
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, { user, node }]) => ({ room, user, node }));
    },
  };
}

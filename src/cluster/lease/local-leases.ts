/**
 * Leases within one process: a map.
 * In: names. Out: LeaseStore. A name without a holder takes no memory: one counter numbers the tokens of all
 * names.
 */
import type { Clock } from '../../lib/clock.ts';
import type { LeaseState, LeaseStore } from './lease.ts';

/** Creates an empty store; its expiries are times of `clock`. */
export function createLocalLeases(clock: Clock): LeaseStore {
  const held = new Map<string, LeaseState>();
  let lastToken = 0;
  const isHeldBy = (name: string, token: number) => held.get(name)?.token === token;
  return {
    async take(name, { holder, ttlMs, replaces }) {
      const present = held.get(name);
      const nowMs = clock.nowMs();
      if (present && present.expiresMs > nowMs && present.token !== replaces) return { ...present, isTaken: false };
      const state = { holder, token: ++lastToken, expiresMs: nowMs + ttlMs };
      held.set(name, state);
      return { ...state, isTaken: true };
    },
    async renew(name, token, ttlMs) {
      if (!isHeldBy(name, token)) return false;
      held.set(name, { ...held.get(name)!, expiresMs: clock.nowMs() + ttlMs });
      return true;
    },
    async release(name, token) {
      if (isHeldBy(name, token)) held.delete(name);
    },
  };
}

/**
 * Leases of a cluster that a node keeps while the engine does not answer: local work continues. A lease that
 * the engine has not confirmed is taken there as soon as it answers; if another node has it by then, it is
 * lost.
 * In: an engine that may fail. Out: LeaseStore whose methods do not fail with it.
 */
import type { Clock } from '../../lib/clock.ts';
import type { LeaseRequest, LeaseState, LeaseStore } from './lease.ts';

/** Dependencies of the store. */
interface AvailableLeasesOptions {
  readonly store: LeaseStore;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Called for each take or renewal that the engine did not confirm. */
  readonly unconfirmed: (error: unknown) => void;
}

/** A lease of this node. */
interface Kept extends Omit<LeaseState, 'expiresMs'> {
  /** Its token in the engine; undefined: the engine does not know of it. */
  readonly confirmed: number | undefined;
  expiresMs: number;
}

/** Creates the store. */
export function createAvailableLeases({ store, clock, unconfirmed }: AvailableLeasesOptions): LeaseStore {
  const kept = new Map<string, Kept>();
  let lastToken = 0;
  const keep = (name: string, { holder, ttlMs }: LeaseRequest, confirmed?: number): Kept => {
    // Tokens of engines may be times too: one of this node is higher than those it has seen.
    lastToken = Math.max(lastToken + 1, confirmed ?? Math.floor(clock.nowMs()));
    const lease = { holder, token: lastToken, confirmed, expiresMs: clock.nowMs() + ttlMs };
    kept.set(name, lease);
    return lease;
  };
  const takeAlone = (name: string, request: LeaseRequest, error: unknown) => {
    unconfirmed(error);
    const keptLease = kept.get(name);
    const isHeld =
      keptLease !== undefined && keptLease.expiresMs > clock.nowMs() && keptLease.token !== request.replaces;
    const { holder, token, expiresMs } = isHeld ? keptLease : keep(name, request);
    return { holder, token, expiresMs, isTaken: !isHeld };
  };
  const renewIn = async (name: string, lease: Kept, ttlMs: number): Promise<boolean> => {
    const { holder, confirmed } = lease;
    if (confirmed !== undefined && (await store.renew(name, confirmed, ttlMs))) return true;
    // The engine has lost its data, or does not know of it yet.
    const { isTaken, token } = await store.take(name, { holder, ttlMs });
    if (isTaken) kept.set(name, { ...lease, confirmed: token });
    return isTaken;
  };
  return {
    async take(name, request) {
      const keptLease = kept.get(name);
      const replaces = keptLease && keptLease.token === request.replaces ? keptLease.confirmed : request.replaces;
      try {
        const state = await store.take(name, { ...request, replaces });
        if (!state.isTaken) {
          // The caller knows a lease of this node by the token that it got.
          return keptLease && state.token === keptLease.confirmed ? { ...state, token: keptLease.token } : state;
        }
        return { ...state, token: keep(name, request, state.token).token };
      } catch (error) {
        return takeAlone(name, request, error);
      }
    },
    async renew(name, token, ttlMs) {
      const lease = kept.get(name);
      if (lease?.token !== token) return false;
      try {
        if (!(await renewIn(name, lease, ttlMs))) {
          if (kept.get(name)?.token === token) kept.delete(name);
          return false;
        }
      } catch (error) {
        unconfirmed(error);
      }
      const now = kept.get(name);
      if (now?.token === token) now.expiresMs = clock.nowMs() + ttlMs;
      return now?.token === token;
    },
    async release(name, token) {
      const lease = kept.get(name);
      if (lease?.token !== token) return;
      kept.delete(name);
      if (lease.confirmed !== undefined) await store.release(name, lease.confirmed).catch(unconfirmed); // it expires
    },
  };
}

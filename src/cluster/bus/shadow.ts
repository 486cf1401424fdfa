/**
 * Runs a second engine next to the one in charge and compares both, before it takes over. It cannot do harm:
 * its errors are counted, and nothing waits for it.
 * In: two engines. Out: one that behaves as the first; comparisons.
 */
import type { EventData, EventType, OxbowEvent } from '../../api/events.ts';
import type { LeaseStore } from '../lease/lease.ts';
import type { EventBus, EventSubject, Subscription } from './event-bus.ts';

/** Result of a comparison. `failed`: the second engine did not answer. */
export type ShadowResult = 'same' | 'different' | 'failed';

/** Events that wait for their arrival from the second bus; the oldest count as different. */
const MAX_EXPECTED = 20_000;

/** Leases of `inCharge`; each call goes to `shadow` too. */
export function createShadowLeases(
  inCharge: LeaseStore,
  shadow: LeaseStore,
  count: (result: ShadowResult) => void,
): LeaseStore {
  /** Tokens of the shadow by name and token of the engine in charge. */
  const tokens = new Map<string, number>();
  const keyOf = (name: string, token: number) => `${name} ${token}`;
  /** Calls of one name run in order. */
  const turns = new Map<string, Promise<void>>();
  const compare = (name: string, work: () => Promise<boolean>) => {
    const turn = (turns.get(name) ?? Promise.resolve())
      .then(work)
      .then(
        (isSame) => count(isSame ? 'same' : 'different'),
        () => count('failed'),
      )
      .finally(() => {
        if (turns.get(name) === turn) turns.delete(name);
      });
    turns.set(name, turn);
  };
  return {
    async take(name, request) {
      const state = await inCharge.take(name, request);
      compare(name, async () => {
        const { replaces } = request;
        const its = replaces === undefined ? undefined : tokens.get(keyOf(name, replaces));
        const { isTaken, token } = await shadow.take(name, { ...request, replaces: its });
        if (isTaken && state.isTaken) tokens.set(keyOf(name, state.token), token);
        return isTaken === state.isTaken;
      });
      return state;
    },
    async renew(name, token, ttlMs) {
      const isRenewed = await inCharge.renew(name, token, ttlMs);
      compare(name, async () => {
        const its = tokens.get(keyOf(name, token));
        if (!isRenewed) tokens.delete(keyOf(name, token));
        return (its !== undefined && (await shadow.renew(name, its, ttlMs))) === isRenewed;
      });
      return isRenewed;
    },
    async release(name, token) {
      await inCharge.release(name, token);
      compare(name, async () => {
        const its = tokens.get(keyOf(name, token));
        tokens.delete(keyOf(name, token));
        if (its !== undefined) await shadow.release(name, its);
        return its !== undefined;
      });
    },
  };
}

/** A bus that behaves as `inCharge`, and publishes to `shadow` too. Disposing ends the comparison. */
export async function openShadowBus(
  inCharge: EventBus,
  shadow: EventBus,
  count: (result: ShadowResult) => void,
): Promise<EventBus & Disposable> {
  const expected: string[] = [];
  const keyOf = (type: string, stream: string | null, data: unknown) => JSON.stringify([type, stream, data]);
  const arrived = ({ type, stream, data }: OxbowEvent) => {
    const at = expected.indexOf(keyOf(type, stream, data));
    // Events published before it have not arrived.
    for (let i = 0; i < (at < 0 ? 1 : at); i++) count('different');
    if (at >= 0) count('same');
    expected.splice(0, at + 1);
  };
  const subscription: Subscription = await shadow.subscribe({
    event: ({ event, isForeign }) => void (isForeign || arrived(event)),
  });
  return {
    publish<T extends EventType>(type: T, data: EventData<T>, subject?: EventSubject) {
      inCharge.publish(type, data, subject);
      if (expected.push(keyOf(type, subject?.name ?? null, data)) > MAX_EXPECTED) {
        expected.shift();
        count('different');
      }
      shadow.publish(type, data, subject);
    },
    subscribe: (subscriber, after) => inCharge.subscribe(subscriber, after),
    flush: () => inCharge.flush(),
    [Symbol.dispose]: () => subscription.close(),
  };
}

/** The same bus without events of other processes, for subscribers that act in the name of this one. */
export function withoutForeign(bus: EventBus): EventBus {
  return {
    publish: (type, data, subject) => bus.publish(type, data, subject),
    flush: () => bus.flush(),
    subscribe: (subscriber, after) =>
      bus.subscribe(
        {
          begin: (start) => subscriber.begin?.({ ...start, replay: start.replay.filter((each) => !each.isForeign) }),
          event: (published) => void (published.isForeign || subscriber.event(published)),
          missed: () => subscriber.missed?.(),
        },
        after,
      ),
  };
}

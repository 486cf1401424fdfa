/**
 * How fast one connection may send: a token bucket for each type of message, and one for misuse.
 * In: the type of each message. Out: yes, or how long to wait. docs/7-together/messages.md has the table.
 */
import type { ClientMessage } from '../../../api/room/messages.ts';

/** A bucket: `burst` at once, then `perSecond`. */
interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/**
 * The limits. A player requests the time five times in a row, every 5 s, and reports every 2 s and when its
 * buffer runs dry.
 */
export const messageRates: Readonly<Record<ClientMessage['t'], Rate>> = {
  hello: { burst: 2, perSecond: 0.1 },
  clock: { burst: 20, perSecond: 4 },
  command: { burst: 10, perSecond: 4 },
  chat: { burst: 10, perSecond: 2 },
  danmaku: { burst: 10, perSecond: 2 },
  react: { burst: 20, perSecond: 5 },
  delete: { burst: 20, perSecond: 5 },
  vote: { burst: 10, perSecond: 2 },
  ask: { burst: 4, perSecond: 0.2 },
  report: { burst: 10, perSecond: 2 },
  'call-join': { burst: 5, perSecond: 0.5 },
  'call-media': { burst: 20, perSecond: 4 },
  'call-leave': { burst: 5, perSecond: 0.5 },
  // Three other browsers: an offer or answer and about ten candidates each, and again after a change of
  // network.
  'call-signal': { burst: 150, perSecond: 10 },
};

/** Messages that are refused, for whatever reason: more than this, and the connection is closed. */
export const misuseRate: Rate = { burst: 40, perSecond: 2 };

const names = Object.keys(messageRates) as ClientMessage['t'][];
const order = new Map(names.map((name, index) => [name, index]));
const rates = [...names.map((name) => messageRates[name]), misuseRate];

/** The buckets of one connection; two numbers each. */
export class MessageLimits {
  /** Turns left, and when that was, ms. */
  readonly #buckets = new Float64Array(2 * rates.length);
  readonly #factor: number;

  /** @param factor of all rates and bursts; more than 1 for measurements */
  constructor(nowMs: number, factor = 1) {
    this.#factor = factor;
    for (const [index, { burst }] of rates.entries()) {
      this.#buckets[2 * index] = burst * factor;
      this.#buckets[2 * index + 1] = nowMs;
    }
  }

  /** Takes a turn. @returns ms until there is one; 0: it is taken */
  take(type: ClientMessage['t'], nowMs: number): number {
    return this.#take(order.get(type)!, nowMs);
  }

  /** Counts a refused message. @returns false if there were too many */
  tolerates(nowMs: number): boolean {
    return this.#take(rates.length - 1, nowMs) === 0;
  }

  #take(index: number, nowMs: number): number {
    const burst = rates[index]!.burst * this.#factor;
    const perMs = (rates[index]!.perSecond * this.#factor) / 1000;
    const [at, when] = [2 * index, 2 * index + 1];
    const turns = Math.min(burst, this.#buckets[at]! + (nowMs - this.#buckets[when]!) * perMs);
    this.#buckets[when] = nowMs;
    this.#buckets[at] = turns >= 1 ? turns - 1 : turns;
    return turns >= 1 ? 0 : Math.ceil((1 - turns) / perMs);
  }
}

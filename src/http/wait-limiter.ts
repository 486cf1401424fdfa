/**
 * Requests that wait for media that does not exist yet: how many there may be, and how their waiting ends.
 * In: promises of replies. Out: the reply, or why nobody waits any more. RFC 8216bis 6.2.5.2; docs/media.md 28.
 */
import { OxbowError } from '../lib/errors.ts';

/** Most that wait at once. */
export interface WaitLimits {
  /** From one address; a house of many viewers behind one address is still let in. */
  readonly perAddress: number;
  /** In this thread. */
  readonly total: number;
}

/** What oxbow allows. */
export const waitLimits: WaitLimits = { perAddress: 1000, total: 10_000 };

/** The requests that wait, and whoever may end their waiting. */
export class WaitLimiter {
  readonly #limits: WaitLimits;
  readonly #count: (change: 1 | -1) => void;
  readonly #byAddress = new Map<string, number>();
  readonly #waiting = new Set<AbortController>();
  #held = 0;

  /** @param count told of each request that begins (1) and ends (-1) to wait */
  constructor(limits: WaitLimits, count: (change: 1 | -1) => void) {
    this.#limits = limits;
    this.#count = count;
  }

  /** Whoever is entered here is aborted by `abortAll`. Returns how to leave. */
  register(controller: AbortController): () => void {
    this.#waiting.add(controller);
    return () => this.#waiting.delete(controller);
  }

  /**
   * A request begins to wait; returns how it stops.
   *
   * @throws OxbowError `not-ready` where too many wait already
   */
  acquire(address: string): () => void {
    const held = (this.#byAddress.get(address) ?? 0) + 1;
    const isTooMany = held > this.#limits.perAddress;
    if (isTooMany || this.#held >= this.#limits.total) {
      throw new OxbowError('not-ready', `Too many requests ${isTooMany ? 'from this address ' : ''}wait at once.`, {
        extra: { retryAfterSeconds: 1 },
      });
    }
    this.#byAddress.set(address, held);
    this.#held++;
    this.#count(1);
    return () => {
      this.#count(-1);
      this.#held--;
      const left = this.#byAddress.get(address)! - 1;
      if (left > 0) this.#byAddress.set(address, left);
      else this.#byAddress.delete(address);
    };
  }

  /**
   * Waits for a reply, no longer than the viewer and oxbow stay. Rejects with the signal's reason when aborted.
   *
   * @throws OxbowError `not-ready` where too many wait already; what becomes of the reply is then nobody's business
   */
  async wait<T>(reply: Promise<T>, address: string, signal: AbortSignal): Promise<T> {
    let stop: () => void;
    try {
      stop = this.acquire(address);
    } catch (error) {
      reply.catch(() => {});
      throw error;
    }
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([reply, aborted]);
    } finally {
      signal.removeEventListener('abort', onAbort);
      stop();
    }
  }

  /** Ends the waiting of everyone with the given refusal. */
  abortAll(reason: OxbowError): void {
    for (const controller of this.#waiting) controller.abort(reason);
  }
}

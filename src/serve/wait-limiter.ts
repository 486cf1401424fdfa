/**
 * Limits the requests that wait for media that does not exist yet, and ends their waiting.
 * In: promises of replies. Out: the reply, or the reason of an abort. RFC 8216bis 6.2.5.2; docs/media.md 28.
 */
import { OxbowError } from '../lib/errors.ts';

/** Most requests that wait at once. */
interface WaitLimits {
  /** From one address: enough for many viewers with one public address. */
  readonly perAddress: number;
  /** In this thread. */
  readonly total: number;
}

/** The limits in force. */
export const waitLimits: WaitLimits = { perAddress: 1000, total: 10_000 };

/** Counts waiting requests and aborts them together. */
export class WaitLimiter {
  readonly #limits: WaitLimits;
  readonly #count: (change: 1 | -1) => void;
  readonly #byAddress = new Map<string, number>();
  readonly #waiting = new Set<AbortController>();
  #held = 0;

  /** @param count called when a request starts (1) and stops (-1) to wait */
  constructor(limits: WaitLimits, count: (change: 1 | -1) => void) {
    this.#limits = limits;
    this.#count = count;
  }

  /** Registers a controller that `abortAll` aborts. Returns an unregister function. */
  register(controller: AbortController): () => void {
    this.#waiting.add(controller);
    return () => this.#waiting.delete(controller);
  }

  /**
   * Counts a request that starts to wait. Returns a function that ends the count; call it once.
   *
   * @throws OxbowError `not-ready` if too many are waiting
   */
  acquire(address: string): () => void {
    const held = (this.#byAddress.get(address) ?? 0) + 1;
    const { perAddress, total } = this.#limits;
    const isTooMany = held > perAddress;
    if (isTooMany || this.#held >= total) {
      const detail = isTooMany ? `This address has ${perAddress} waiting requests.` : `${total} requests are waiting.`;
      throw new OxbowError('not-ready', detail, { extra: { retryAfterSeconds: 1 } });
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
   * Waits for a reply. Rejects with the signal's reason when aborted.
   *
   * @throws OxbowError `not-ready` if too many are waiting; the reply is then ignored
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

  /** Aborts all waiting requests with the given refusal. */
  abortAll(reason: OxbowError): void {
    for (const controller of this.#waiting) controller.abort(reason);
  }
}

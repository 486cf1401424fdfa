/**
 * Bounds the memory of parts that are not sent yet, of all requests together.
 * In: bytes that a request needs. Out: leave to use them, or a refusal.
 */
import { OxbowError } from '../../lib/errors.ts';
import { printSize } from '../../lib/size.ts';

/** A client tries again after this time, seconds. */
const RETRY_S = 5;

export class PartMemory {
  readonly #most: () => number;
  #used = 0;

  /** @param most bytes */
  constructor(most: () => number) {
    this.#most = most;
  }

  /** Bytes in use. */
  get used(): number {
    return this.#used;
  }

  /**
   * Takes memory until the result is disposed. One request is always served.
   *
   * @throws OxbowError `busy`
   */
  take(bytes: number): Disposable {
    if (this.#used > 0 && this.#used + bytes > this.#most()) {
      throw new OxbowError('busy', `Uploads on their way to the bucket use ${printSize(this.#used)} of memory.`, {
        extra: { retryAfterSeconds: RETRY_S, hint: 'Try again in a moment, or raise `library.stagingMemory`.' },
      });
    }
    this.#used += bytes;
    let isTaken = true;
    return {
      [Symbol.dispose]: () => {
        if (isTaken) this.#used -= bytes;
        isTaken = false;
      },
    };
  }
}

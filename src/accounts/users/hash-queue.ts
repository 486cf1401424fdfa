/**
 * Bounds the work of hashing passwords: a few at once, some that wait, and a refusal beyond.
 * In: hashes to compute. Out: their results. Without it a flood of sign-ins would take all threads of libuv,
 * and 19 MiB each.
 */
import { OxbowError } from '../../lib/errors.ts';

/** Most hashes at once: half of the threads that files are read with. */
const AT_ONCE = 2;
/** Most that wait: two seconds of work. */
const MAX_WAITING = 64;

/** Runs hashes. */
export class HashQueue {
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** Number that waits. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Runs one hash when its turn comes.
   *
   * @throws OxbowError `sign-in-busy` at once if too many wait
   */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= AT_ONCE) {
      if (this.#waiting.length >= MAX_WAITING) {
        throw new OxbowError('sign-in-busy', `${MAX_WAITING} passwords are being checked already.`, {
          extra: { retryAfterSeconds: 2 },
        });
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running++;
    try {
      return await work();
    } finally {
      // The turn passes to the next one, so a newcomer cannot take it.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }
}

/**
 * Runs work at once, and again at most every so often while it is requested.
 * In: requests. Out: fewer calls. Disposing drops a call that is due.
 */
import { sleep } from '../../../lib/abort.ts';

/** Work that many events request. */
export class Coalesced implements Disposable {
  readonly #everyMs: number;
  readonly #work: () => void | Promise<void>;
  readonly #closing = new AbortController();
  #isRunning = false;
  #isDue = false;

  /**
   * @param everyMs pause after each call
   * @param work never rejects
   */
  constructor(everyMs: number, work: () => void | Promise<void>) {
    this.#everyMs = everyMs;
    this.#work = work;
  }

  /** Requests a call. */
  run(): void {
    this.#isDue = true;
    if (!this.#isRunning) void this.#loop();
  }

  [Symbol.dispose](): void {
    this.#closing.abort();
  }

  async #loop(): Promise<void> {
    const { signal } = this.#closing;
    this.#isRunning = true;
    while (this.#isDue && !signal.aborted) {
      this.#isDue = false;
      await this.#work();
      await sleep(this.#everyMs, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
    }
    this.#isRunning = false;
  }
}

/**
 * Work over long ranges, one after another with a turn of the event loop in between. Many that arrive
 * together would otherwise be answered within one turn, which lasts as long as all of them.
 * In: ranges and what to do with them. Out: results, later. Short ranges do not wait.
 */
import type { Range } from './past/past.ts';
import { Semaphore } from './segment-memo.ts';

/** Shorter ranges are cheap, µs. */
const SHORT_US = 3600 * 1_000_000;

/** A queue of work over ranges. */
export class LongWork {
  readonly #turns = new Semaphore(1);

  /**
   * Runs work over a range: at once if it is short, otherwise when it is its turn.
   *
   * Rejects as the work does, or with the reason of `signal` if that aborts before it begins.
   */
  run<T>({ fromUs, toUs }: Range, work: () => Promise<T>, { signal }: { readonly signal: AbortSignal }): Promise<T> {
    if (toUs - fromUs <= SHORT_US) return work();
    return this.#turns.run(async () => {
      signal.throwIfAborted();
      try {
        return await work();
      } finally {
        await new Promise(setImmediate);
      }
    });
  }
}

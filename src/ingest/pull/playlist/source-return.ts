/**
 * The wait for a live source that ended its playlist: pauses between reloads, and a wake-up of all renditions
 * when one has returned.
 * In: how long the source has been away. Out: pauses; a wake-up for all renditions of one pull.
 * docs/media.md 11.
 */
import { type PauseBounds, sleep } from '../../../lib/abort.ts';

/** Longest pause between two reloads of a playlist that has ended, ms. */
const MAX_RETURN_PAUSE_MS = 60_000;
/** Shortest time between two lookups of a page's media URL, ms: each one runs a program and visits a site. */
export const PAGE_RETURN_PAUSE_MS = 600_000;
/** Shortest pause, ms. */
const MIN_PAUSE_MS = 500;
/** Pause as a fraction of the time that the source has been away. */
const PAUSE_OF_ABSENCE = 0.1;
/** Random reduction of a pause, as a fraction, so that many streams of one source do not reload at once. */
const JITTER = 0.2;

/** Detail in the timeline, the API and the log while oxbow waits for the source. */
export const ENDED_DETAIL = 'the source ended its playlist; oxbow checks at least once a minute whether it returns';

/**
 * The pause before a playlist that has ended is reloaded.
 *
 * @param awayMs since it ended, ms
 * @param leastMs the usual pause, ms
 * @returns 0.5 to 60 s
 */
export function returnPause(awayMs: number, leastMs: number): PauseBounds {
  const maxMs = Math.max(MIN_PAUSE_MS, Math.min(MAX_RETURN_PAUSE_MS, Math.max(leastMs, PAUSE_OF_ABSENCE * awayMs)));
  return { minMs: Math.max(MIN_PAUSE_MS, maxMs * (1 - JITTER)), maxMs };
}

/**
 * Shared by the renditions of one pull: the first that returns wakes the others, whose pauses may be long.
 */
export class SourceReturn {
  readonly #waiting = new Set<AbortController>();

  /** One rendition has media again: wakes the others. */
  announce(): void {
    for (const waiting of this.#waiting) waiting.abort();
    this.#waiting.clear();
  }

  /**
   * Resolves with false after `ms`, or with true as soon as another rendition returns; rejects with the
   * signal's reason when aborted.
   *
   * @param ms undefined: without limit
   */
  async wait(ms: number | undefined, { signal }: { signal: AbortSignal }): Promise<boolean> {
    signal.throwIfAborted();
    const woken = new AbortController();
    this.#waiting.add(woken);
    const either = AbortSignal.any([signal, woken.signal]);
    try {
      if (ms !== undefined) await sleep(ms, { signal: either });
      else await new Promise((_, reject) => either.addEventListener('abort', reject, { once: true }));
      return false;
    } catch {
      signal.throwIfAborted();
      return true;
    } finally {
      this.#waiting.delete(woken);
    }
  }
}

/**
 * How a live source that ended its playlist is awaited: when it is asked again, and how its renditions learn of each other that it is back.
 * In: how long it has been away. Out: pauses; a wake-up for all renditions of one pull. docs/media.md 11.
 */
import { type PauseBounds, sleep } from '../../../lib/abort.ts';

/** Longest pause between two reloads of a playlist that has ended, ms. */
export const MAX_RETURN_PAUSE_MS = 60_000;
/** A page is asked for the address of its media this often at most, ms: each time a program runs and a site is visited. */
export const PAGE_RETURN_PAUSE_MS = 600_000;
/** Shortest pause, ms. */
const MIN_PAUSE_MS = 500;
/** The pause is this part of the time that the source has been away. */
const OF_AWAY = 0.1;
/** Pauses are up to this part shorter, so that many streams of one source do not ask at once. */
const SPREAD = 0.2;

/** What the timeline, the API and the log say while the source is awaited. */
export const ENDED_DETAIL = 'the source ended its playlist; oxbow checks at least once a minute whether it returns';

/**
 * The pause before a playlist that has ended is reloaded.
 *
 * @param awayMs since it ended, ms
 * @param leastMs the usual pause, ms
 * @returns 0.5 to 60 s
 */
export function returnPause(awayMs: number, leastMs: number): PauseBounds {
  const maxMs = Math.max(MIN_PAUSE_MS, Math.min(MAX_RETURN_PAUSE_MS, Math.max(leastMs, OF_AWAY * awayMs)));
  return { minMs: Math.max(MIN_PAUSE_MS, maxMs * (1 - SPREAD)), maxMs };
}

/** Shared by the renditions of one pull: the first that is back wakes the others, whose pauses may be long. */
export class SourceReturn {
  readonly #waiting = new Set<AbortController>();

  /** One rendition has media again. */
  announce(): void {
    for (const waiting of this.#waiting) waiting.abort();
    this.#waiting.clear();
  }

  /**
   * Resolves after `ms` with false, or with true as soon as another rendition is back; rejects with the signal's reason when aborted.
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

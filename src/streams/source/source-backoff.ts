/**
 * How long a source that failed is left alone before it is asked again.
 * In: what it turned out to be, how it failed. Out: milliseconds. A site is no place to knock every few seconds: of a page that says no
 * for good, as a private video does, less and less is asked.
 */
import { backoffMs } from '../../lib/abort.ts';
import { OxbowError } from '../../lib/errors.ts';

/** A source that cannot be used is asked again this often: what it serves may change. */
const REFUSED_AGAIN_MS = 30_000;
/** Longest pause before a page is asked again that may have something later, ms. */
const PAGE_AGAIN_MS = 60_000;
/** Longest pause before a page is asked again that has refused for good, ms. */
const PAGE_REFUSED_AGAIN_MS = 600_000;

/** Whether a failure is of the kind that passes by itself: the source is away. */
export function isDown(error: unknown): boolean {
  return error instanceof OxbowError && (error.code === 'source-failed' || error.extra.retryable === true);
}

/** The pauses of one source, from one try to the next. */
export class SourceBackoff {
  #tries = 0;
  #refusals = 0;
  #isPage = false;

  /** The address turned out to be that of a page. */
  readonly onPage = (): void => {
    this.#isPage = true;
  };

  /** Media came: the next refusal is a new one. */
  onMedia(): void {
    this.#refusals = 0;
  }

  /**
   * The pause after this failure: 30 s for what oxbow cannot use, of a page growing from there to 10 min; else growing from 0.25 s to 10 s, where
   * yt-dlp failed from 30 s to 1 min. What grows is spread, so that many sources do not come back in one wave.
   *
   * @returns milliseconds
   */
  next(error: unknown): number {
    const attempt = this.#tries++;
    if (!isDown(error)) {
      return this.#isPage ? backoffMs(this.#refusals++, REFUSED_AGAIN_MS, PAGE_REFUSED_AGAIN_MS) : REFUSED_AGAIN_MS;
    }
    const isPageTool = error instanceof OxbowError && error.code.startsWith('page-');
    return isPageTool ? backoffMs(attempt, REFUSED_AGAIN_MS, PAGE_AGAIN_MS) : backoffMs(attempt);
  }
}

/**
 * The pause before a source that failed is read again.
 * In: the kind of source, its error. Out: milliseconds. Requests to web sites are rare, and rarer for a page
 * that refuses permanently, such as a private video.
 */
import { backoffMs } from '../../lib/abort.ts';
import { OxbowError } from '../../lib/errors.ts';

/** Pauses for unsupported media, which may change, and for bugs, ms: the first, then up to the last. */
const REFUSED_AGAIN_MS = [5000, 10_000] as const;
/** First pause of rare requests, ms. */
const RARELY_AGAIN_MS = 30_000;
/** Longest pause for a page that may have media later, ms. */
const PAGE_AGAIN_MS = 60_000;
/** Longest pause for a page that refuses permanently, ms. */
const PAGE_REFUSED_AGAIN_MS = 600_000;

/** Whether an error is temporary: the source is down. */
export function isDown(error: unknown): boolean {
  return error instanceof OxbowError && (error.code === 'source-failed' || error.extra.retryable === true);
}

/** The pauses of one source. */
export class SourceBackoff {
  #tries = 0;
  #refusals = 0;
  #isPage = false;

  /** The address is that of a page. */
  readonly onPage = (): void => {
    this.#isPage = true;
  };

  /** The source has delivered media: refusals are counted from zero. */
  onMedia(): void {
    this.#refusals = 0;
  }

  /**
   * The pause after this error. Unsupported media: 5 s, then 10 s; of a page growing from 30 s to 10 min.
   * Other errors: growing from 0.25 s to 10 s; of yt-dlp from 30 s to 1 min; a wrong user name or password
   * growing from 30 s to 10 min. Up to half of each pause is random, see `backoffBounds`.
   *
   * @returns milliseconds
   */
  next(error: unknown): number {
    const attempt = this.#tries++;
    // Many cameras lock a user out after a few wrong passwords.
    if (error instanceof OxbowError && error.extra.reason === 'credentials') {
      return backoffMs(this.#refusals++, RARELY_AGAIN_MS, PAGE_REFUSED_AGAIN_MS);
    }
    if (!isDown(error)) {
      const bounds = this.#isPage ? ([RARELY_AGAIN_MS, PAGE_REFUSED_AGAIN_MS] as const) : REFUSED_AGAIN_MS;
      return backoffMs(this.#refusals++, ...bounds);
    }
    const isPageTool = error instanceof OxbowError && error.code.startsWith('page-');
    return isPageTool ? backoffMs(attempt, RARELY_AGAIN_MS, PAGE_AGAIN_MS) : backoffMs(attempt);
  }
}

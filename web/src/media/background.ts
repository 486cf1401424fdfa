/**
 * Playback continues while the page is hidden: a phone whose screen goes off pauses pictures, and the sound
 * with them. The lock screen, a call and other programs still pause it.
 * In: pauses of an element, and when its page was hidden. Out: calls of `play`.
 */

/** A browser pauses a hidden page within this, ms; a later pause has another cause. */
const WITHIN_MS = 3_000;
/** The browser is not contradicted more often than this. */
const MOST_TIMES = 3;

/** What is needed of an element. */
export type BackgroundVideo = Pick<HTMLVideoElement, 'paused' | 'ended' | 'muted' | 'play'>;

/** Follows the visibility of a page until the signal aborts. */
export class BackgroundPlay {
  readonly #nowMs: () => number;
  readonly #page: Pick<Document, 'hidden' | 'addEventListener'>;
  #hiddenMs = Number.NEGATIVE_INFINITY;
  #times = 0;

  /** @param nowMs a clock that never steps, ms */
  constructor(
    page: Pick<Document, 'hidden' | 'addEventListener'>,
    { signal }: { readonly signal: AbortSignal },
    nowMs: () => number = () => performance.now(),
  ) {
    this.#page = page;
    this.#nowMs = nowMs;
    const changed = () => {
      this.#hiddenMs = page.hidden ? nowMs() : Number.NEGATIVE_INFINITY;
      this.#times = 0;
    };
    page.addEventListener('visibilitychange', changed, { signal });
  }

  /**
   * An element was paused. Plays again if the browser did that because the page is hidden; without sound
   * there is nothing to hear.
   *
   * @param wantsPlay the viewer has not paused
   * @param refused called if the browser does not play
   */
  paused(video: BackgroundVideo, wantsPlay: boolean, refused: () => void): void {
    if (!wantsPlay || !video.paused || video.ended || video.muted || !this.#page.hidden) return;
    if (this.#nowMs() - this.#hiddenMs > WITHIN_MS || this.#times >= MOST_TIMES) return;
    this.#times++;
    video.play().catch(refused);
  }
}

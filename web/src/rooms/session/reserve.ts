/**
 * How much media a picture that runs dry again and again is given, before it plays on.
 * In: that it has run dry. Out: a reserve, ms: none at first, then twice as much each time. Pure.
 */

/** Runs dry again within this time, ms. */
const AGAIN_MS = 60_000;
const FIRST_MS = 4_000;
const LONGEST_MS = 10_000;

/** Of one picture. Times are of a steady clock, ms. */
export class Reserve {
  #ms = 0;
  #ranDryAt = Number.NEGATIVE_INFINITY;
  /** When the frame was shown at which it last ran dry: a stand-still counts once. */
  #frameMs: number | null = null;

  /**
   * It has run dry.
   *
   * @param frameMs when its last frame was shown; null without one
   * @returns how far ahead of the room it waits; 0: not at all
   */
  next(frameMs: number | null, nowMs: number): number {
    if (frameMs !== this.#frameMs) {
      const isAgain = nowMs - this.#ranDryAt < AGAIN_MS;
      this.#ms = isAgain ? Math.min(LONGEST_MS, Math.max(FIRST_MS, 2 * this.#ms)) : 0;
    }
    this.#frameMs = frameMs;
    this.#ranDryAt = nowMs;
    return this.#ms;
  }

  /** What was before does not count. */
  reset(): void {
    this.#ms = 0;
    this.#ranDryAt = Number.NEGATIVE_INFINITY;
    this.#frameMs = null;
  }
}

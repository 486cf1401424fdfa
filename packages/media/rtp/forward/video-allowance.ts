/**
 * How many pictures a receiver gets: on a network that loses packets it gets fewer, so that its sound does
 * not suffer.
 * In: loss rates of its reports. Out: a number of pictures. Pure. RFC 3550 6.4.1.
 */

/** Loss from which a report counts as bad, and below which as good. */
const BAD_LOSS = 0.15;
const GOOD_LOSS = 0.05;
/** This many seconds with bad reports take a picture away; this many with good ones give it back. */
const BAD_SECONDS = 3;
const GOOD_SECONDS = 10;
const SECOND_MS = 1000;

/** Counts the pictures of one receiver. */
export class VideoAllowance {
  readonly #max: number;
  #allowed: number;
  #worst: number | undefined;
  #atMs: number | undefined;
  #bad = 0;
  #good = 0;

  /** @param max pictures that the receiver can show */
  constructor(max: number) {
    this.#max = max;
    this.#allowed = max;
  }

  /** Pictures now. */
  get allowed(): number {
    return this.#allowed;
  }

  /** A report about one of the streams. @param lossRate 0 to 1 */
  report(lossRate: number): void {
    this.#worst = Math.max(this.#worst ?? 0, lossRate);
  }

  /**
   * Time passes.
   * @param sent pictures that are sent now: what is not sent is not taken away
   * @returns whether `allowed` has changed
   */
  tick(sent: number, nowMs: number): boolean {
    this.#atMs ??= nowMs;
    if (nowMs - this.#atMs < SECOND_MS) return false;
    this.#atMs = nowMs;
    const worst = this.#worst;
    this.#worst = undefined;
    if (worst === undefined) return false;
    this.#bad = worst >= BAD_LOSS ? this.#bad + 1 : 0;
    this.#good = worst < GOOD_LOSS ? this.#good + 1 : 0;
    const before = this.#allowed;
    if (this.#bad >= BAD_SECONDS && sent > 0) {
      this.#allowed = Math.min(this.#allowed, sent) - 1;
      this.#bad = 0;
    } else if (this.#good >= GOOD_SECONDS && this.#allowed < this.#max) {
      this.#allowed++;
      this.#good = 0;
    }
    return this.#allowed !== before;
  }
}

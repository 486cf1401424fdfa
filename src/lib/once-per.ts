/**
 * Reports something that may happen often, such as a refused request, at most once in a while, with the
 * number of those left out.
 * In: occurrences. Out: calls. Pure but for its clock.
 */

/** Limits the calls of a function. */
export class OncePer {
  readonly #everyMs: number;
  readonly #nowMs: () => number;
  #lastMs = Number.NEGATIVE_INFINITY;
  #leftOut = 0;

  /** @param nowMs a clock that never steps, ms */
  constructor(everyMs: number, nowMs: () => number) {
    this.#everyMs = everyMs;
    this.#nowMs = nowMs;
  }

  /**
   * Calls `report` unless the last call was a moment ago; `leftOut` is the number of occurrences since that
   * were not reported.
   */
  call(report: (leftOut: number) => void): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#lastMs < this.#everyMs) {
      this.#leftOut++;
      return;
    }
    const leftOut = this.#leftOut;
    this.#lastMs = nowMs;
    this.#leftOut = 0;
    report(leftOut);
  }
}

/**
 * Stops calls to a service that does not answer, and tries it again from time to time.
 * In: outcomes of calls. Out: whether to call. Pure but for the clock that is passed in.
 */

/** Settings of a breaker. */
export interface BreakerOptions {
  /** A clock that never steps, ms. */
  readonly nowMs: () => number;
  /** Failures in a row that open it. */
  readonly failures: number;
  /** Pause before the first trial, ms; it doubles with each trial that fails. */
  readonly minPauseMs: number;
  readonly maxPauseMs: number;
}

/** The breaker of one service. Closed: calls are made. Open: none is, but for one trial after each pause. */
export class CircuitBreaker {
  readonly #options: BreakerOptions;
  #failures = 0;
  #pauseMs = 0;
  /** When the next trial may be made; undefined while closed. */
  #trialAtMs: number | undefined;
  #isTrying = false;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  /** Calls are not made. */
  get isOpen(): boolean {
    return this.#trialAtMs !== undefined;
  }

  /** Time until the next trial, ms; 0 while closed. */
  get waitMs(): number {
    return this.#trialAtMs === undefined ? 0 : Math.max(0, this.#trialAtMs - this.#options.nowMs());
  }

  /** Whether to call now. After `true`, report the outcome by `succeeded` or `failed`. */
  allows(): boolean {
    if (this.#trialAtMs === undefined) return true;
    if (this.#isTrying || this.#options.nowMs() < this.#trialAtMs) return false;
    this.#isTrying = true;
    return true;
  }

  /** A call was answered. */
  succeeded(): void {
    this.#failures = 0;
    this.#pauseMs = 0;
    this.#trialAtMs = undefined;
    this.#isTrying = false;
  }

  /** A call was not answered. */
  failed(): void {
    const { nowMs, failures, minPauseMs, maxPauseMs } = this.#options;
    this.#failures++;
    // Calls that began before it opened do not lengthen the pause.
    if (this.#failures < failures || (this.isOpen && !this.#isTrying)) return;
    this.#isTrying = false;
    this.#pauseMs = Math.min(maxPauseMs, Math.max(minPauseMs, this.#pauseMs * 2));
    this.#trialAtMs = nowMs() + this.#pauseMs;
  }
}

/**
 * Stops calls to a service that does not answer, and tries it again from time to time.
 * In: outcomes of calls. Out: whether to call. Pure but for the clock that is passed in.
 */

/** State of a breaker. `half-open`: a trial is in progress. */
export type BreakerState = 'closed' | 'half-open' | 'open';

interface CircuitBreakerOptions {
  /** A clock that never steps, ms. */
  readonly nowMs: () => number;
  /** Failures in a row that open it. */
  readonly failures: number;
  /** Pause before the next trial, ms, after this many trials that failed. */
  readonly pauseMs: (failedTrials: number) => number;
}

/** Pauses that double with each trial that fails, ms. */
export function doublingPause(minMs: number, maxMs: number): CircuitBreakerOptions['pauseMs'] {
  return (failedTrials) => Math.min(maxMs, minMs * 2 ** failedTrials);
}

/** The breaker of one service. Closed: calls pass. Open: only one trial after each pause. */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  #failures = 0;
  #failedTrials = 0;
  /** When the next trial may run; undefined while closed. */
  #trialAtMs: number | undefined;
  #isTrying = false;

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
  }

  get state(): BreakerState {
    if (this.#trialAtMs === undefined) return 'closed';
    return this.#isTrying ? 'half-open' : 'open';
  }

  /** Calls are refused. */
  get isOpen(): boolean {
    return this.#trialAtMs !== undefined;
  }

  /** Time until the next trial, ms; 0 while closed. */
  get waitMs(): number {
    return this.#trialAtMs === undefined ? 0 : Math.max(0, this.#trialAtMs - this.#options.nowMs());
  }

  /** Whether to call now. After `true`, report the outcome by `succeeded`, `failed` or `abandoned`. */
  allows(): boolean {
    if (this.#trialAtMs === undefined) return true;
    if (this.#isTrying || this.waitMs > 0) return false;
    this.#isTrying = true;
    return true;
  }

  /** A call was answered. */
  succeeded(): void {
    this.#failures = 0;
    this.#failedTrials = 0;
    this.#trialAtMs = undefined;
    this.#isTrying = false;
  }

  /** A call was not answered. */
  failed(): void {
    this.#failures++;
    // Calls that began before it opened do not lengthen the pause.
    if (this.#failures < this.#options.failures || (this.isOpen && !this.#isTrying)) return;
    if (this.#isTrying) this.#failedTrials++;
    this.#pause();
  }

  /** Its caller has ended a call, which shows nothing of the service. The next trial is a pause later. */
  abandoned(): void {
    if (this.#isTrying) this.#pause();
  }

  #pause(): void {
    const { nowMs, pauseMs } = this.#options;
    this.#isTrying = false;
    this.#trialAtMs = nowMs() + pauseMs(this.#failedTrials);
  }
}

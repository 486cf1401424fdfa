/**
 * The circuit breaker around a service outside of the process. Closed: calls pass. Open, after several
 * failures in a row: calls fail at once, but for one trial after each pause.
 * In: calls of the service. Out: their results; `service-unavailable`; changes of the state.
 */
import { backoffMs, sleep, waitFor, withDeadline } from '../abort.ts';
import { messageOf, OxbowError } from '../errors.ts';
import { type BreakerState, CircuitBreaker } from './circuit-breaker.ts';

/** Settings of a breaker. */
export interface BreakerOptions {
  /** Name of the service for people and metrics, e.g. `redis`. */
  readonly service: string;
  /** Longest duration of a call, ms. A longer one has failed, and its signal fires. */
  readonly timeoutMs: number;
  /** Failures in a row that open it; 5 by default. */
  readonly failures?: number;
  /**
   * Pause before the first trial, ms, 1,000 by default; it doubles with each trial that fails, up to
   * `maxPauseMs`, 30,000 by default.
   */
  readonly minPauseMs?: number;
  readonly maxPauseMs?: number;
  /**
   * Whether an error means that the service does not work; any other error is an answer of it. By default
   * each one does.
   */
  readonly isFailure?: (error: unknown) => boolean;
  /**
   * A call without effect, for trials of a service that no one calls meanwhile. Without it the trial is the
   * next call.
   */
  readonly probe?: (options: { readonly signal: AbortSignal }) => Promise<unknown>;
  /** Called with each change of the state; `reason` is the last error, empty when it is closed. */
  readonly onChange: (state: BreakerState, reason: string) => void;
}

const FAILURES = 5;
const PAUSE_MS = { min: 1000, max: 30_000 } as const;

/** The breaker of one service. Dispose it to end its trials. */
export class Breaker implements Disposable {
  readonly #options: BreakerOptions;
  readonly #circuit: CircuitBreaker;
  readonly #closing = new AbortController();
  #reported: BreakerState = 'closed';
  #reason = '';

  constructor(options: BreakerOptions) {
    this.#options = options;
    const { failures = FAILURES, minPauseMs = PAUSE_MS.min, maxPauseMs = PAUSE_MS.max } = options;
    this.#circuit = new CircuitBreaker({
      nowMs: () => performance.now(),
      failures,
      pauseMs: (failedTrials) => backoffMs(failedTrials, minPauseMs, maxPauseMs),
    });
  }

  /** The current state. */
  get state(): BreakerState {
    return this.#circuit.state;
  }

  /** Time until the next trial, ms; 0 while closed. */
  get waitMs(): number {
    return this.#circuit.waitMs;
  }

  /**
   * Calls the service.
   *
   * @param work is passed a signal that fires with `signal`, and when the time is over
   * @throws OxbowError `service-unavailable` at once while it is open; errors of `work`; a TimeoutError;
   *   the signal's reason, which is not a failure
   */
  async call<T>(
    work: (options: { readonly signal: AbortSignal }) => Promise<T>,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<T> {
    signal.throwIfAborted();
    if (!this.#circuit.allows()) throw this.#unavailable();
    this.#report();
    const { timeoutMs, service, isFailure } = this.#options;
    using deadline = withDeadline(timeoutMs, `A call of ${service}`, { signal });
    try {
      const value = await waitFor(work(deadline), deadline);
      this.#circuit.succeeded();
      return value;
    } catch (error) {
      if (signal.aborted) this.#circuit.abandoned();
      else if (isFailure?.(error) === false && !deadline.signal.aborted) this.#circuit.succeeded();
      else {
        this.#reason = messageOf(error);
        this.#circuit.failed();
      }
      throw error;
    } finally {
      this.#report();
    }
  }

  /** Ends the trials. Further calls are possible. */
  [Symbol.dispose](): void {
    this.#closing.abort(new DOMException('the breaker is closed', 'AbortError'));
  }

  /** Reports the state if it has changed. */
  #report(): void {
    const { state } = this;
    if (state === this.#reported) return;
    this.#reported = state;
    const { probe, onChange } = this.#options;
    if (state === 'closed') this.#reason = '';
    onChange(state, this.#reason);
    if (state === 'open' && probe) void this.#tryLater(probe);
  }

  /** Makes the trial itself. Its failure opens the breaker again, which leads here. */
  async #tryLater(probe: NonNullable<BreakerOptions['probe']>): Promise<void> {
    const { signal } = this.#closing;
    try {
      while (this.waitMs > 0) await sleep(Math.ceil(this.waitMs), { signal });
      if (this.state === 'open') await this.call(probe, { signal });
    } catch {
      // Counted by `onChange`, or the breaker is closed.
    }
  }

  #unavailable(): OxbowError {
    const { service } = this.#options;
    const retryAfterSeconds = Math.max(1, Math.ceil(this.waitMs / 1000));
    return new OxbowError('service-unavailable', `${service} has not answered several times in a row.`, {
      extra: { retryAfterSeconds },
    });
  }
}

/**
 * The circuit breaker around a service outside of the process. Closed: calls are made. Open, after several
 * failures in a row: calls fail at once, but for one trial after each pause. Nothing else imports cockatiel.
 * In: calls of the service. Out: their results; `service-unavailable`; changes of the state.
 */
import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen, type IBackoff } from 'cockatiel';
import { backoffMs, sleep, waitFor, withDeadline } from '../abort.ts';
import { messageOf, OxbowError } from '../errors.ts';

/** State of a breaker. `half-open`: a trial is in progress. */
export type BreakerState = 'closed' | 'half-open' | 'open';

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

/** A call that its caller has aborted: it shows nothing about the service. */
class Abandoned extends Error {}

/** The result of a call that the service has answered, with success or with an error. */
type Answer<T> = { readonly value: T } | { readonly error: unknown };

/** The breaker of one service. Dispose it to end its trials. */
export class Breaker implements Disposable {
  readonly #options: BreakerOptions;
  readonly #policy;
  readonly #closing = new AbortController();
  #trialAtMs = 0;
  #failedTrials = 0;
  #reason = '';

  constructor(options: BreakerOptions) {
    this.#options = options;
    const isHandled = (error: unknown) => !(error instanceof Abandoned) || this.state === 'half-open';
    this.#policy = circuitBreaker(handleWhen(isHandled), {
      halfOpenAfter: { next: () => this.#pause() },
      breaker: new ConsecutiveBreaker(options.failures ?? FAILURES),
    });
    this.#policy.onStateChange((state) => this.#changed(stateOf(state)));
  }

  /** The current state. */
  get state(): BreakerState {
    return stateOf(this.#policy.state);
  }

  /** Time until the next trial, ms; 0 while closed. */
  get waitMs(): number {
    return this.state === 'closed' ? 0 : Math.max(0, this.#trialAtMs - performance.now());
  }

  /**
   * Calls the service.
   *
   * @param work is passed a signal that fires with `signal`, and when the time is over
   * @throws OxbowError `service-unavailable` at once while it is open; what `work` throws; a TimeoutError;
   *   the signal's reason, which is not a failure
   */
  async call<T>(
    work: (options: { readonly signal: AbortSignal }) => Promise<T>,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<T> {
    signal.throwIfAborted();
    if (this.state === 'half-open' || this.waitMs > 0) throw this.#unavailable();
    let answer: Answer<T>;
    try {
      answer = await this.#policy.execute(() => this.#attempt(work, signal));
    } catch (error) {
      throw error instanceof Abandoned ? error.cause : error;
    }
    if ('error' in answer) throw answer.error;
    return answer.value;
  }

  /** Ends the trials. Further calls are possible. */
  [Symbol.dispose](): void {
    this.#closing.abort(new DOMException('the breaker is closed', 'AbortError'));
  }

  async #attempt<T>(
    work: (options: { readonly signal: AbortSignal }) => Promise<T>,
    signal: AbortSignal,
  ): Promise<Answer<T>> {
    const { timeoutMs, service, isFailure } = this.#options;
    using deadline = withDeadline(timeoutMs, `A call of ${service}`, { signal });
    try {
      return { value: await waitFor(work(deadline), deadline) };
    } catch (error) {
      if (signal.aborted) throw new Abandoned('aborted', { cause: error });
      if (isFailure?.(error) === false && !deadline.signal.aborted) return { error };
      this.#reason = messageOf(error);
      if (this.state === 'half-open') this.#failedTrials++;
      throw error;
    }
  }

  /**
   * Begins the pause. It is measured here, by a clock that never steps; cockatiel itself allows each trial.
   */
  #pause(): IBackoff<unknown> {
    const { minPauseMs = PAUSE_MS.min, maxPauseMs = PAUSE_MS.max } = this.#options;
    this.#trialAtMs = performance.now() + backoffMs(this.#failedTrials, minPauseMs, maxPauseMs);
    return { duration: Number.NEGATIVE_INFINITY, next: () => this.#pause() };
  }

  #changed(state: BreakerState): void {
    const { probe, onChange } = this.#options;
    if (state === 'closed') {
      this.#failedTrials = 0;
      this.#reason = '';
    }
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

function stateOf(state: CircuitState): BreakerState {
  if (state === CircuitState.Closed) return 'closed';
  return state === CircuitState.HalfOpen ? 'half-open' : 'open';
}

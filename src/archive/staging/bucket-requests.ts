/**
 * Requests to the buckets of uploads: repeated for some seconds while a bucket fails, refused at once while
 * it has failed for longer.
 * In: requests. Out: answers, or a refusal with Retry-After.
 */
import { backoffMs, sleep } from '../../lib/abort.ts';
import { CircuitBreaker, doublingPause } from '../../lib/breaker/circuit-breaker.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import { type ObjectClient, ObjectError } from '../objects/object-client.ts';

/** Failures in a row after which requests wait for a trial. */
const FAILURES = 3;
const MIN_PAUSE_MS = 500;
const MAX_PAUSE_MS = 5_000;
/** A request is repeated for this long, ms; its client waits meanwhile. */
const REPEATED_MS = 20_000;
/** A client that is refused tries again after this time, seconds. */
const RETRY_S = 5;

export interface BucketRequestsOptions {
  readonly clientOf: (target: string) => Promise<ObjectClient>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** How long a request is repeated, ms; default 20 s. */
  readonly repeatedMs?: number;
  /** Called with each request that failed. */
  readonly failed?: (target: string, error: unknown) => void;
}

/** One request. */
type Send<T> = (client: ObjectClient, options: { readonly signal: AbortSignal }) => Promise<T>;

export class BucketRequests {
  readonly #options: BucketRequestsOptions;
  /** One for each target of the settings. */
  readonly #breakers = new Map<string, CircuitBreaker>();

  constructor(options: BucketRequestsOptions) {
    this.#options = options;
  }

  /**
   * Sends a request, and again while the bucket fails.
   *
   * @param options.once it is not repeated
   * @throws OxbowError `storage-failed`; the reason of `signal`
   */
  async send<T>(
    target: string,
    send: Send<T>,
    { signal, once = false }: { readonly signal: AbortSignal; readonly once?: boolean },
  ): Promise<T> {
    const { clientOf, clock, failed, repeatedMs = REPEATED_MS } = this.#options;
    const breaker = this.#breakerOf(target);
    const untilMs = clock.monotonicMs() + (once ? 0 : repeatedMs);
    let cause: unknown;
    for (let attempt = 0; ; attempt++) {
      signal.throwIfAborted();
      if (breaker.allows()) {
        try {
          const answer = await send(await clientOf(target), { signal });
          breaker.succeeded();
          return answer;
        } catch (error) {
          if (signal.aborted || !(error instanceof ObjectError)) {
            breaker.abandoned();
            throw error;
          }
          breaker.failed();
          failed?.(target, error);
          cause = error;
        }
      }
      const pauseMs = Math.max(breaker.waitMs, backoffMs(attempt, MIN_PAUSE_MS, MAX_PAUSE_MS));
      if (clock.monotonicMs() + pauseMs > untilMs) throw unreachable(target, cause);
      await sleep(pauseMs, { signal });
    }
  }

  #breakerOf(target: string): CircuitBreaker {
    const known = this.#breakers.get(target);
    if (known) return known;
    const breaker = new CircuitBreaker({
      nowMs: () => this.#options.clock.monotonicMs(),
      failures: FAILURES,
      pauseMs: doublingPause(MIN_PAUSE_MS, MAX_PAUSE_MS),
    });
    this.#breakers.set(target, breaker);
    return breaker;
  }
}

/** The refusal while a bucket fails. */
export function unreachable(target: string, cause: unknown): OxbowError {
  return new OxbowError('storage-failed', `The object store ${target} does not answer.`, {
    cause,
    extra: { retryAfterSeconds: RETRY_S },
  });
}

/**
 * How long one request may take: in total, without a byte, and how slowly its body may come.
 * In: limits and the caller's signal. Out: one signal for the request.
 */
import { netFailure } from './failure.ts';

/** A body that comes slower than this is not worth waiting for: a server that trickles would hold a connection for its whole deadline. */
const MIN_BYTES_PER_S = 1024;
/** Over so long it is measured, ms. */
const RATE_WINDOW_MS = 10_000;

/** What a `Patience` measures with; tests have their own. */
export interface PatienceRate {
  readonly minBytesPerS: number;
  readonly windowMs: number;
}

const usualRate: PatienceRate = { minBytesPerS: MIN_BYTES_PER_S, windowMs: RATE_WINDOW_MS };

/** Watches one request; dispose it when the body has been read. */
export class Patience implements Disposable {
  readonly #controller = new AbortController();
  readonly #deadline: NodeJS.Timeout;
  readonly #idle: NodeJS.Timeout;
  readonly #unsubscribe: () => void;
  readonly #what: string;
  readonly #rate: PatienceRate;
  #over = false;
  /** Since when the rate is measured, monotonic ms; undefined before the first byte of the body. */
  #windowFromMs: number | undefined;
  #windowBytes = 0;
  /** Since when whoever reads does something else, monotonic ms. */
  #restingFromMs: number | undefined;

  /**
   * @param deadlineMs from now to the last byte, ms
   * @param idleMs longest time without a byte, ms
   * @param what named in the error
   */
  constructor(
    deadlineMs: number,
    idleMs: number,
    what: string,
    { signal }: { signal: AbortSignal },
    rate: PatienceRate = usualRate,
  ) {
    this.#what = what;
    this.#rate = rate;
    const abort = () => this.#abort(signal.reason);
    if (signal.aborted) this.#controller.abort(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    this.#unsubscribe = () => signal.removeEventListener('abort', abort);
    this.#deadline = setTimeout(() => {
      this.#abort(netFailure('deadline', `${what} took longer than ${deadlineMs} ms`));
    }, deadlineMs);
    this.#idle = setTimeout(() => {
      if (this.#restingFromMs === undefined) this.#abort(netFailure('idle', `${what} sent nothing for ${idleMs} ms`));
      else this.touch();
    }, idleMs);
  }

  #abort(reason: unknown): void {
    this[Symbol.dispose]();
    this.#controller.abort(reason);
  }

  /** Aborts with the caller's reason, or with an OxbowError when a limit has passed. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * Bytes of the body came. They are counted from the first one on: a reply that is held back and then comes at once is not slow.
   *
   * @param bytes 0 or more
   */
  received(bytes: number): void {
    this.touch();
    const nowMs = performance.now();
    this.#windowFromMs ??= nowMs;
    this.#windowBytes += bytes;
    const tookMs = nowMs - this.#windowFromMs;
    if (tookMs < this.#rate.windowMs) return;
    const perS = (1000 * this.#windowBytes) / tookMs;
    this.#windowFromMs = nowMs;
    this.#windowBytes = 0;
    if (perS < this.#rate.minBytesPerS) {
      this.#abort(netFailure('slow', `${this.#what} sent only ${Math.round(perS)} bytes a second`));
    }
  }

  /** Whoever reads does something else: the server is not to blame for what does not come meanwhile. */
  rest(): void {
    this.#restingFromMs = performance.now();
  }

  /** Reading goes on. */
  goOn(): void {
    if (this.#restingFromMs === undefined) return;
    if (this.#windowFromMs !== undefined) this.#windowFromMs += performance.now() - this.#restingFromMs;
    this.#restingFromMs = undefined;
    this.touch();
  }

  /** Something came. */
  touch(): void {
    // A timer that was cleared would start again.
    if (!this.#over) this.#idle.refresh();
  }

  [Symbol.dispose](): void {
    this.#over = true;
    clearTimeout(this.#deadline);
    clearTimeout(this.#idle);
    this.#unsubscribe();
  }
}

/**
 * Time limits of one request: in total, without a byte, and the least rate of its body.
 * In: limits and the caller's signal. Out: one end for the request, which is no signal: to
 * create and to remove listeners of signals is a part of what a request costs.
 */
import { netFailure } from './failure.ts';

/** Least rate of a body: a slow server would hold a connection until its deadline, bytes per second. */
const MIN_BYTES_PER_S = 1024;
/** Duration of the measurement, ms. */
const RATE_WINDOW_MS = 10_000;

/** Options of `Patience`; tests replace them. */
interface PatienceRate {
  readonly minBytesPerS: number;
  readonly windowMs: number;
}

const usualRate: PatienceRate = { minBytesPerS: MIN_BYTES_PER_S, windowMs: RATE_WINDOW_MS };
const noRate: PatienceRate = { minBytesPerS: 0, windowMs: RATE_WINDOW_MS };

/** Watches one request; dispose it when the body has been read. */
export class Patience implements Disposable {
  #isAborted = false;
  #reason: unknown;
  #onAbort: ((reason: unknown) => void) | undefined;
  /** Of the limit that may be exceeded first: bytes move the other one without a new timer. */
  #timer: NodeJS.Timeout;
  readonly #deadlineMs: number;
  /** When the request has to be complete, monotonic ms; infinite if it has no end. */
  readonly #deadlineAtMs: number;
  readonly #idleMs: number;
  /** When the last byte arrived, monotonic ms. */
  #lastMs: number;
  readonly #signal: AbortSignal;
  readonly #onSignal: () => void;
  readonly #label: () => string;
  readonly #rate: PatienceRate;
  /** Start of the measurement, monotonic ms; undefined before the first byte of the body. */
  #windowFromMs: number | undefined;
  #windowBytes = 0;
  /** Since when the reader is not waiting, monotonic ms. */
  #restingFromMs: number | undefined;

  /**
   * @param deadlineMs from now to the last byte, ms; `none`: there is no end, and no least rate either
   * @param idleMs longest time without a byte, ms
   * @param label returns the name of the request in errors
   */
  constructor(
    deadlineMs: number | 'none',
    idleMs: number,
    label: () => string,
    { signal }: { signal: AbortSignal },
    rate: PatienceRate = usualRate,
  ) {
    this.#label = label;
    this.#rate = deadlineMs === 'none' ? noRate : rate;
    this.#signal = signal;
    this.#onSignal = () => this.#abort(signal.reason);
    if (signal.aborted) this.#end(signal.reason);
    signal.addEventListener('abort', this.#onSignal, { once: true });
    this.#deadlineMs = deadlineMs === 'none' ? Number.POSITIVE_INFINITY : deadlineMs;
    this.#idleMs = idleMs;
    this.#lastMs = performance.now();
    this.#deadlineAtMs = this.#lastMs + this.#deadlineMs;
    this.#timer = setTimeout(() => this.#look(), Math.min(this.#deadlineMs, idleMs));
  }

  /** Ends the request if a limit is exceeded. */
  #look(): void {
    const nowMs = performance.now();
    if (nowMs >= this.#deadlineAtMs) {
      this.#abort(netFailure('deadline', `${this.#label()} took longer than ${this.#deadlineMs} ms.`));
      return;
    }
    if (this.#restingFromMs !== undefined) this.#lastMs = nowMs;
    const idleAtMs = this.#lastMs + this.#idleMs;
    if (nowMs >= idleAtMs) this.#abort(netFailure('idle', `${this.#label()} sent nothing for ${this.#idleMs} ms.`));
    else this.#timer = setTimeout(() => this.#look(), Math.ceil(Math.min(idleAtMs, this.#deadlineAtMs) - nowMs));
  }

  #abort(reason: unknown): void {
    this[Symbol.dispose]();
    this.#end(reason);
  }

  #end(reason: unknown): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    this.#reason = reason;
    this.#onAbort?.(reason);
  }

  /** Whether the caller has aborted, or a limit was exceeded. */
  get isAborted(): boolean {
    return this.#isAborted;
  }

  /** The caller's reason, or an OxbowError if a limit was exceeded; undefined before. */
  get reason(): unknown {
    return this.#reason;
  }

  /** @throws `reason` */
  throwIfAborted(): void {
    if (this.#isAborted) throw this.#reason;
  }

  /** Sets the one listener, in place of the one before; undefined: none. It is called once. */
  onAbort(listener: ((reason: unknown) => void) | undefined): void {
    this.#onAbort = listener;
  }

  /**
   * Called for bytes of the body. The rate is measured from the first byte on, so a delayed but fast reply is
   * not slow.
   *
   * @param bytes 0 or more
   */
  received(bytes: number): void {
    const nowMs = performance.now();
    this.#lastMs = nowMs;
    this.#windowFromMs ??= nowMs;
    this.#windowBytes += bytes;
    const tookMs = nowMs - this.#windowFromMs;
    if (tookMs < this.#rate.windowMs) return;
    const perS = (1000 * this.#windowBytes) / tookMs;
    this.#windowFromMs = nowMs;
    this.#windowBytes = 0;
    if (perS < this.#rate.minBytesPerS) {
      this.#abort(netFailure('slow', `${this.#label()} sent only ${Math.round(perS)} bytes a second.`));
    }
  }

  /** The reader is not waiting: this time does not count against the server. */
  rest(): void {
    this.#restingFromMs = performance.now();
  }

  /** The reader waits again. */
  goOn(): void {
    if (this.#restingFromMs === undefined) return;
    if (this.#windowFromMs !== undefined) this.#windowFromMs += performance.now() - this.#restingFromMs;
    this.#restingFromMs = undefined;
    this.touch();
  }

  /** Called when bytes arrive. */
  touch(): void {
    this.#lastMs = performance.now();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener('abort', this.#onSignal);
  }
}

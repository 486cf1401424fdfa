/**
 * Decides when a live ladder has fewer rungs because the machine is too slow, and when it tries one more
 * again.
 * In: how far the encoder is behind, regularly. Out: `drop` or `raise`. Pure.
 */

/** Being so far behind for {@link SUSTAINED_MS} is too far, ms. */
export const LAG_LIMIT_MS = 1000;
/** How long it must last: a single slow picture is none of it, ms. */
const SUSTAINED_MS = 1500;
/** After a change the encoder has this long to catch up, ms. */
const SETTLE_MS = 4000;
/** The first pause before a rung that was dropped is tried again, and the longest, ms. */
const PAUSE_MS = 30_000;
const MAX_PAUSE_MS = 600_000;
/** A rung that lasted this long was no failed try, ms. */
const LASTED_MS = 60_000;

/** The state of one ladder. */
export class Overload {
  readonly #limitMs: () => number;
  /** Since when it is too far behind; undefined while it is not. */
  #sinceMs: number | undefined;
  #changedMs = Number.NEGATIVE_INFINITY;
  #raisedMs = Number.NEGATIVE_INFINITY;
  #pauseMs = PAUSE_MS;
  #isReduced = false;

  /** @param limitMs lag that is too much, ms */
  constructor(limitMs: () => number = () => LAG_LIMIT_MS) {
    this.#limitMs = limitMs;
  }

  /** When a dropped rung is tried again, monotonic ms; undefined while none is dropped. */
  get retryMs(): number | undefined {
    return this.#isReduced ? this.#changedMs + this.#pauseMs : undefined;
  }

  /** The encoder was started: it has not caught up yet. */
  started(nowMs: number): void {
    this.#sinceMs = undefined;
    this.#changedMs = Math.max(this.#changedMs, nowMs - (this.#isReduced ? PAUSE_MS : 0));
    this.#settleMs = nowMs + SETTLE_MS;
  }

  #settleMs = Number.NEGATIVE_INFINITY;

  /**
   * Looks at the lag; call it several times a second.
   *
   * @param lagMs of the oldest picture that has not come out
   */
  look(nowMs: number, lagMs: number): 'drop' | 'raise' | undefined {
    if (lagMs <= this.#limitMs()) this.#sinceMs = undefined;
    else this.#sinceMs ??= nowMs;
    if (this.#sinceMs !== undefined) {
      const isLong = nowMs - this.#sinceMs >= SUSTAINED_MS;
      return isLong && nowMs >= this.#settleMs ? 'drop' : undefined;
    }
    const { retryMs } = this;
    return retryMs !== undefined && nowMs >= retryMs ? 'raise' : undefined;
  }

  /** A rung was dropped. */
  dropped(nowMs: number): void {
    const hasLasted = nowMs - this.#raisedMs >= LASTED_MS;
    this.#pauseMs = hasLasted ? PAUSE_MS : Math.min(MAX_PAUSE_MS, 2 * this.#pauseMs);
    this.#isReduced = true;
    this.#change(nowMs);
  }

  /** A rung was added again; `isAll`: none is dropped any more. */
  raised(nowMs: number, isAll: boolean): void {
    this.#raisedMs = nowMs;
    this.#isReduced = !isAll;
    this.#change(nowMs);
  }

  #change(nowMs: number): void {
    this.#sinceMs = undefined;
    this.#changedMs = nowMs;
    this.#settleMs = nowMs + SETTLE_MS;
  }
}

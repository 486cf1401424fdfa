/**
 * Live congestion control: how many bytes a sender may send now.
 * In: bytes queued by the owner, bytes sent. Out: a budget. Pure. draft-sharabayko-srt-01 5.1.
 *
 * The rate is that of the input and a quarter more, which is left for retransmissions. The 10 ms tick of the
 * socket refills the budget, so a burst is at most 20 ms of the rate.
 */

/** Share of the input's rate that is left for retransmissions. */
const OVERHEAD = 0.25;
/** The rate while the input is slow or unknown, bytes per second. */
const LEAST_RATE = 1_250_000;
/** Length of the windows in which the input is measured, µs. */
const WINDOW_US = 500_000;
const BURST_US = 20_000;
const LEAST_BURST_BYTES = 64 * 1472;

/** The budget of one sender. */
export class Pacing {
  readonly #limit: number | undefined;
  #windowBegan: number;
  #windowBytes = 0;
  #lastBytes = 0;
  #refilledAt: number;
  #budget = LEAST_BURST_BYTES;

  /**
   * @param limit bytes per second; undefined follows the input
   * @param nowUs µs, as in all methods
   */
  constructor(limit: number | undefined, nowUs: number) {
    this.#limit = limit;
    this.#windowBegan = nowUs;
    this.#refilledAt = nowUs;
  }

  /** Rate at which packets may be sent, bytes per second. */
  get rate(): number {
    if (this.#limit !== undefined) return this.#limit;
    const perWindow = Math.max(this.#lastBytes, this.#windowBytes);
    return Math.max(LEAST_RATE, (perWindow * (1 + OVERHEAD) * 1_000_000) / WINDOW_US);
  }

  /** Counts bytes that the owner queued. */
  queue(bytes: number, nowUs: number): void {
    const elapsed = nowUs - this.#windowBegan;
    if (elapsed >= WINDOW_US) {
      this.#lastBytes = elapsed < 2 * WINDOW_US ? this.#windowBytes : 0;
      this.#windowBytes = 0;
      this.#windowBegan = nowUs;
    }
    this.#windowBytes += bytes;
  }

  /** Adds the budget of the time since the last call. */
  refill(nowUs: number): void {
    const rate = this.rate;
    const most = Math.max(LEAST_BURST_BYTES, (rate * BURST_US) / 1_000_000);
    this.#budget = Math.min(most, this.#budget + (rate * (nowUs - this.#refilledAt)) / 1_000_000);
    this.#refilledAt = nowUs;
  }

  /** Whether a packet may be sent. */
  get allows(): boolean {
    return this.#budget > 0;
  }

  /** Takes the bytes of a sent packet. */
  spend(bytes: number): void {
    this.#budget -= bytes;
  }
}

/**
 * The clock of one source: RTP timestamps without wraps, their place in the time of the sender and in that of
 * arrival.
 * In: timestamps, arrivals, sender reports. Out: ticks; the moment of tick 0 in both times. Pure. RFC 3550
 * 5.1, 6.4.1.
 */

/** Arrivals of this long are the least late ones, ms; twice that is looked at. */
const WINDOW_MS = 10_000;
/** A sender without a clock reports no NTP time: 1900, unix ms. */
const NO_CLOCK_MS = -2_000_000_000_000;
/** A step of the timestamps of more than this that the arrival does not have is another timeline, ms. */
const MAX_STEP_MS = 5000;
const MIN_STEP_MS = 1000;
/** Pictures that are reordered step back by less, ms. */
const MAX_BACK_MS = 2000;

/** Follows one SSRC. */
export class SenderClock {
  /** Ticks per second. */
  readonly rate: number;
  #last: number | undefined;
  #lastArrivalMs = 0;
  #report: { readonly utcMs: number; readonly timestamp: number } | undefined;
  #senderOrigin: number | undefined;
  #reports = 0;
  /** Least lateness in this window and in the one before. */
  #least = Number.POSITIVE_INFINITY;
  #leastBefore = Number.POSITIVE_INFINITY;
  #windowMs = 0;

  constructor(rate: number) {
    this.rate = rate;
  }

  /** Sender reports so far. */
  get reports(): number {
    return this.#reports;
  }

  /** Time of tick 0 by the clock of the sender, unix ms; undefined before a report. */
  get senderOrigin(): number | undefined {
    return this.#senderOrigin;
  }

  /** Time of tick 0 by the packets that were the least late, monotonic ms; undefined before the first. */
  get arrivalOrigin(): number | undefined {
    const least = Math.min(this.#least, this.#leastBefore);
    return Number.isFinite(least) ? least : undefined;
  }

  /** Whether a timestamp begins another timeline: its step is not that of the arrivals. */
  isJump(timestamp: number, nowMs: number): boolean {
    if (this.#last === undefined) return false;
    const stepMs = (this.#distance(timestamp) / this.rate) * 1000;
    if (stepMs < -MAX_BACK_MS) return true;
    return Math.abs(stepMs) > MIN_STEP_MS && Math.abs(stepMs - (nowMs - this.#lastArrivalMs)) > MAX_STEP_MS;
  }

  /** Takes the timestamp of an access unit. @returns ticks without wraps */
  take(timestamp: number, nowMs: number): number {
    const ticks = this.#last === undefined ? timestamp : this.#last + this.#distance(timestamp);
    this.#last = ticks;
    this.#lastArrivalMs = nowMs;
    if (nowMs - this.#windowMs >= WINDOW_MS) {
      this.#windowMs = nowMs;
      this.#leastBefore = this.#least;
      this.#least = Number.POSITIVE_INFINITY;
    }
    this.#least = Math.min(this.#least, nowMs - (ticks / this.rate) * 1000);
    this.#relate();
    return ticks;
  }

  /**
   * A sender report.
   * @param utcMs its NTP time, unix ms
   * @param timestamp the same moment as an RTP timestamp
   */
  report(utcMs: number, timestamp: number): void {
    if (utcMs < NO_CLOCK_MS) return;
    this.#report = { utcMs, timestamp };
    this.#reports++;
    this.#relate();
  }

  #relate(): void {
    const report = this.#report;
    if (!report || this.#last === undefined) return;
    const ticks = this.#last + this.#distance(report.timestamp);
    this.#senderOrigin = report.utcMs - (ticks / this.rate) * 1000;
    this.#report = undefined;
  }

  /** From the last timestamp, ticks: half a turn at most. */
  #distance(timestamp: number): number {
    return (timestamp - (this.#last ?? timestamp)) | 0;
  }
}

/**
 * Decode times of a video whose timestamps are rounded or jitter, and durations that are known before the
 * next frame comes: each frame of an even frame rate begins exactly where the one before ends, because `tfdt`
 * is the sum of all earlier durations (ISO/IEC 14496-12, 8.8.12).
 * In: decode times that rise. Out: decode times on a grid that follows them, with durations. Pure.
 * docs/media.md 13.
 */

/** Intervals of an even frame rate differ by no more than this: milliseconds are rounded, s. */
const EVEN_S = 0.002;
/**
 * After this many even intervals a duration is predicted; this many suffice if they agree with the parameter
 * sets.
 */
const EVEN_INTERVALS = 50;
const CONFIRMED_INTERVALS = 5;
/** The first time of the grid and that of a frame are both rounded: distances up to this say nothing, s. */
const ROUNDED_S = 0.001;

/** Where a frame is placed. */
interface EvenTime {
  /** Ticks; rises. */
  readonly dts: number;
  /**
   * Ticks to the next frame; undefined while the frame rate is not known to be even: the next frame shows it.
   */
  readonly duration: number | undefined;
  /** Ticks from frame to frame, may have a fraction; undefined like `duration`. */
  readonly step: number | undefined;
}

/** Places the frames of one track. */
export class EvenTimes {
  readonly #evenTicks: number;
  readonly #roundedTicks: number;
  /** Frame duration of the parameter sets, ticks; undefined if they have none. */
  #nominal: number | undefined;
  /** The last time as it came, and as it was placed. */
  #last: number | undefined;
  #placed = Number.NEGATIVE_INFINITY;
  /** Where the next frame begins by the duration of the last one, ticks with a fraction. */
  #next: number | undefined;
  /** Time at which the even intervals began, and their number. */
  #evenFrom = 0;
  #even = 0;

  /** @param timescale ticks per second */
  constructor(timescale: number) {
    this.#evenTicks = EVEN_S * timescale;
    this.#roundedTicks = ROUNDED_S * timescale;
  }

  /** Frame duration of the parameter sets, ticks. */
  set nominal(ticks: number | undefined) {
    this.#nominal = ticks;
  }

  /** The frames before have no relation to the next one. */
  restart(): void {
    this.#even = 0;
    this.#last = undefined;
    this.#next = undefined;
    this.#placed = Number.NEGATIVE_INFINITY;
  }

  /** Places the next frame. @param dts ticks, after that of the frame before */
  place(dts: number): EvenTime {
    if (this.#last !== undefined) this.#measure(this.#last, dts);
    this.#last = dts;
    const expected = this.#next;
    const isExpected = expected !== undefined && Math.abs(dts - expected) <= this.#evenTicks;
    const from = isExpected ? expected : Math.max(dts, this.#placed + 1);
    const placed = Math.round(from);
    this.#placed = placed;
    const step = this.#step(dts);
    if (step === undefined) {
      this.#next = undefined;
      return { dts: placed, duration: undefined, step };
    }
    // The grid follows the clock of the sender: what rounding does not explain is made up for in the next
    // duration.
    const off = dts - from;
    const beyond = Math.sign(off) * Math.max(0, Math.abs(off) - this.#roundedTicks);
    this.#next = Math.max(from + step + beyond, placed + 1);
    return { dts: placed, duration: Math.max(1, Math.round(this.#next) - placed), step };
  }

  #measure(last: number, dts: number): void {
    const interval = dts - last;
    const mean = this.#even === 0 ? interval : (last - this.#evenFrom) / this.#even;
    if (this.#even === 0 || Math.abs(interval - mean) > this.#evenTicks) {
      this.#evenFrom = last;
      this.#even = 1;
    } else {
      this.#even++;
    }
  }

  /**
   * Ticks from the frame at `dts` to the next one; undefined while the frame rate is not known to be even.
   */
  #step(dts: number): number | undefined {
    if (this.#even < CONFIRMED_INTERVALS) return undefined;
    const mean = (dts - this.#evenFrom) / this.#even;
    const nominal = this.#nominal;
    const distance = nominal === undefined ? Number.POSITIVE_INFINITY : Math.abs(mean - nominal);
    // Rounding explains less and less: after a while the mean of the clock is more exact than what the
    // encoder states.
    if (nominal !== undefined && distance * this.#even <= this.#evenTicks) return nominal;
    return this.#even >= EVEN_INTERVALS || distance < this.#evenTicks / 2 ? mean : undefined;
  }
}

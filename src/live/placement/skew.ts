/**
 * Measures how far a run's UTC has drifted from the wall clock, and when to correct it (docs/media.md 1 and
 * 3).
 * In: arrival and UTC of each frame of the reference track. Out: the skew, and the correction that is due.
 * Pure.
 *
 * The minimum delay over a window is the delay without jitter; its growth since the beginning of the run is
 * the skew.
 */

/** Window of the minimum delay at the beginning of the run, µs. */
const FIRST_WINDOW_US = 2_000_000;
/** Window of later minimum delays, µs. */
const WINDOW_US = 10_000_000;
/** A skew above this in this many consecutive windows (one minute) is corrected. */
const DUE_FROM_US = 250_000;
const DUE_AFTER_WINDOWS = 6;
/**
 * A skew above this is corrected after this many windows, if it does not shrink: then media is not catching
 * up with a stall.
 */
const FAR_US = 2_000_000;
const FAR_AFTER_WINDOWS = 2;
const SHRINKS_US = 100_000;
/** After a day, a skew of one frame is corrected. */
const OLD_AFTER_US = 24 * 3600 * 1_000_000;
const OLD_FROM_US = 40_000;
/** A larger step of the wall clock begins a new run at once. */
const STEP_US = 1_000_000;

/**
 * Steps of the wall clock against the monotonic clock. A step forward counts only beyond a previous step
 * back.
 */
class WallSteps {
  #offsetUs: number | undefined;
  /** How far the wall clock is behind its highest offset, µs. */
  #behindUs: number;

  constructor(behindUs: number) {
    this.#behindUs = behindUs;
  }

  /** @returns step forward since the last call, beyond the highest offset so far, µs */
  add(wallUs: number, monotonicUs: number): number {
    const offsetUs = wallUs - monotonicUs;
    const stepUs = offsetUs - (this.#offsetUs ?? offsetUs);
    this.#offsetUs = offsetUs;
    if (Math.abs(stepUs) <= STEP_US) return 0;
    const aheadUs = stepUs - this.#behindUs;
    this.#behindUs = Math.max(0, -aheadUs);
    return aheadUs > STEP_US ? aheadUs : 0;
  }
}

/** One frame's times, µs. */
interface Arrival {
  /** UTC of now. */
  readonly wallUs: number;
  /** Monotonic clock. */
  readonly monotonicUs: number;
  /** UTC of the frame by its decode time, as the run says. */
  readonly mediaUs: number;
}

/** The skew of consecutive runs that differ only in their UTC offset. */
export class SkewMeter {
  /** Only steps of the wall clock count: the delay of frames in bursts is meaningless. */
  readonly stepsOnly: boolean;
  readonly #steps: WallSteps;
  /** Delay at the beginning. */
  #firstUs: number | undefined;
  #window: { readonly startUs: number; leastUs: number } | undefined;
  /** Of the last windows, oldest first. */
  #skews: number[] = [];
  #steppedUs = 0;
  #startUs: number | undefined;
  #nowUs = 0;

  /**
   * @param options.behindUs how far the wall clock is behind the run's UTC already, µs: a step back came
   *   before
   */
  constructor({ stepsOnly = false, behindUs = 0 } = {}) {
    this.stepsOnly = stepsOnly;
    this.#steps = new WallSteps(behindUs);
  }

  /** Pending step of the wall clock, µs; 0 once it was applied or dismissed. */
  get steppedUs(): number {
    return this.#steppedUs;
  }

  /** How far the wall clock is ahead of the run's UTC, µs; negative where it is behind. */
  get skewUs(): number {
    return this.#steppedUs || (this.#skews.at(-1) ?? 0);
  }

  /** Correction that is due, µs; 0 if none. UTC never runs back: if it is ahead, it stays ahead. */
  get dueUs(): number {
    if (this.#steppedUs > 0) return this.#steppedUs;
    const leastUs = this.#skews.length > 0 ? Math.min(...this.#skews) : 0;
    if (this.#skews.length === DUE_AFTER_WINDOWS && leastUs > DUE_FROM_US) return leastUs;
    const [before, last] = this.#skews.slice(-FAR_AFTER_WINDOWS);
    if (before !== undefined && last !== undefined && before > FAR_US && last > before - SHRINKS_US)
      return Math.min(before, last);
    const old = this.#startUs !== undefined && this.#nowUs - this.#startUs >= OLD_AFTER_US;
    return old && leastUs >= OLD_FROM_US ? leastUs : 0;
  }

  /** Takes the times of the two clocks, µs. */
  look(wallUs: number, monotonicUs: number): void {
    const stepUs = this.#steps.add(wallUs, monotonicUs);
    if (stepUs === 0) return;
    this.#steppedUs += stepUs;
    // Delays from before the step cannot be compared with those after it.
    this.#window = undefined;
    this.#skews = [];
  }

  /** Takes the times of a frame. */
  add({ wallUs, monotonicUs, mediaUs }: Arrival): void {
    this.look(wallUs, monotonicUs);
    if (this.stepsOnly) return;
    this.#nowUs = monotonicUs;
    this.#startUs ??= monotonicUs;
    const delayUs = wallUs - mediaUs;
    const window = this.#window;
    if (window && monotonicUs - window.startUs < (this.#firstUs === undefined ? FIRST_WINDOW_US : WINDOW_US)) {
      window.leastUs = Math.min(window.leastUs, delayUs);
      return;
    }
    if (window && this.#firstUs === undefined) this.#firstUs = window.leastUs;
    else if (window) this.#skews = [...this.#skews.slice(1 - DUE_AFTER_WINDOWS), window.leastUs - this.#firstUs!];
    this.#window = { startUs: monotonicUs, leastUs: delayUs };
  }

  /** Discards a step that the source did not make. */
  dismissStep(): void {
    this.#steppedUs = 0;
  }

  /** The correction was applied: further delays are measured against the same beginning. */
  moved(): void {
    this.#steppedUs = 0;
    this.#skews = [];
    this.#window = undefined;
    this.#startUs = undefined;
  }
}

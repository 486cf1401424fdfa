/**
 * Measures how far a run's UTC has drifted from the wall clock, and when it is time to fix it anew (docs/media.md 1 and 3).
 * In: when each frame of the reference track arrived, and the UTC that the run gives it. Out: the skew, and what is due. Pure.
 *
 * The least delay of a while stands for the path without its jitter; what it grew by since the run's beginning is skew.
 */

/** The delay at the run's beginning is the least over this, µs. */
const FIRST_WINDOW_US = 2_000_000;
/** The delay later on is the least over each of these, µs. */
const WINDOW_US = 10_000_000;
/** Skew above this, in so many windows in a row (one minute), is due. */
const DUE_FROM_US = 250_000;
const DUE_AFTER_WINDOWS = 6;
/** After this long, skew of a frame is due. */
const OLD_AFTER_US = 24 * 3600 * 1_000_000;
const OLD_FROM_US = 40_000;
/** A wall clock that steps forward by more begins a new run at once. */
const STEP_US = 1_000_000;

/** Steps of the wall clock as the clock that never steps shows them. What was set back first has to be caught up with. */
class WallSteps {
  #offsetUs: number | undefined;
  /** How far the wall clock is behind where it was, µs. */
  #behindUs: number;

  constructor(behindUs: number) {
    this.#behindUs = behindUs;
  }

  /** @returns by how much the wall clock was set forward since the last call, beyond where it has ever been; µs */
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
export interface Arrival {
  /** UTC of now. */
  readonly wallUs: number;
  /** The clock that never steps. */
  readonly monotonicUs: number;
  /** UTC of the frame by its decode time, as the run says. */
  readonly mediaUs: number;
}

/** The skew of one run after another, as long as only their UTC offset differs. */
export class SkewMeter {
  /** Only steps of the wall clock count: frames come in bursts, and the delay of those says nothing. */
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

  /** @param options.behindUs how far the wall clock is behind the run's UTC already, µs: a step back came before */
  constructor({ stepsOnly = false, behindUs = 0 } = {}) {
    this.stepsOnly = stepsOnly;
    this.#steps = new WallSteps(behindUs);
  }

  /** By how much the wall clock was set forward, µs; 0 once that was applied or dismissed. */
  get steppedUs(): number {
    return this.#steppedUs;
  }

  /** How far the wall clock is ahead of the run's UTC, µs; negative where it is behind. */
  get skewUs(): number {
    return this.#steppedUs || (this.#skews.at(-1) ?? 0);
  }

  /** By how much UTC should step forward now, µs; 0 while the run goes on. It never runs back: where it is ahead it stays so. */
  get dueUs(): number {
    if (this.#steppedUs > 0) return this.#steppedUs;
    const leastUs = this.#skews.length > 0 ? Math.min(...this.#skews) : 0;
    if (this.#skews.length === DUE_AFTER_WINDOWS && leastUs > DUE_FROM_US) return leastUs;
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

  /** The wall clock moved, the media did not: nothing is due. */
  dismissStep(): void {
    this.#steppedUs = 0;
  }

  /** UTC has stepped by what was due: what follows is measured against the same beginning. */
  moved(): void {
    this.#steppedUs = 0;
    this.#skews = [];
    this.#window = undefined;
    this.#startUs = undefined;
  }
}

/**
 * Keeps the picture at its target by small changes of the speed, or by a seek if that would take too long.
 * Independent of live edges and rooms: the caller measures how late the picture is.
 * In: how late, how much media is ahead, every 300 ms. Out: a speed, perhaps a seek. No other effects.
 */

/** The measurement, seconds. */
export interface RateInput {
  /** How much later than the target the picture is; negative if it is early. */
  readonly lateS: number;
  /** Media ahead of the picture in the browser. */
  readonly aheadS: number;
}

/** What to do. */
export interface RateStep {
  /** Speed, in steps of one percent. */
  readonly rate: number;
  /** Seconds to jump forward, repeated until `onSeek`; 0 for none. */
  readonly seekByS: number;
}

/** Interval of the steps, milliseconds. */
export const RATE_EVERY_MS = 300;

/** Corrections start beyond the first and end within the second distance, seconds. */
const START_S = 0.04;
const STOP_S = 0.015;
/** Speed per second of distance. */
const GAIN = 0.25;
const SLOWEST = -0.05;
const FASTEST = 0.08;
/** With less ahead the picture may not go at full speed, seconds. */
const THIN_S = 0.06;
/** A larger delay is skipped by a seek, seconds. */
const SEEK_S = 1;
/** Between two seeks, in steps: a seek needs time to show what it did. */
const STEPS_BETWEEN_SEEKS = 10;

/** The controller of one buffer. */
export class RateController {
  #correcting = false;
  #rest = 0;

  /** Another buffer or target: starts again. */
  reset(): void {
    this.#correcting = false;
    this.#rest = 0;
  }

  /** A seek was made: it is given time to show. */
  onSeek(): void {
    this.#rest = STEPS_BETWEEN_SEEKS;
  }

  /** The next step. */
  next({ lateS, aheadS }: RateInput): RateStep {
    this.#rest = Math.max(0, this.#rest - 1);
    const distance = Math.abs(lateS);
    if (distance > START_S) this.#correcting = true;
    else if (distance < STOP_S) this.#correcting = false;
    const wanted = this.#correcting ? Math.min(FASTEST, Math.max(SLOWEST, lateS * GAIN)) : 0;
    const step = Math.round(wanted * 100) / 100;
    // Never at full speed into an empty buffer, however late.
    const change = aheadS < THIN_S ? Math.min(step, -0.02) : step;
    const seekByS = lateS > SEEK_S && this.#rest === 0 ? lateS : 0;
    return { rate: Math.round((1 + change) * 100) / 100, seekByS };
  }
}

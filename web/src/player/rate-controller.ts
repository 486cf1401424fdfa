/**
 * Keeps the picture at a wished distance from now by changing the speed a little, or by a seek where that would take too long.
 * Knows nothing of live edges or rooms: whoever calls says how late the picture is.
 * In: how late, how much media is ahead, every 300 ms. Out: a speed, perhaps a seek. Pure but for its memory.
 */

/** How things stand, seconds. */
export interface RateInput {
  /** How much later the picture is than wished; negative where it is early. */
  readonly lateS: number;
  /** Media ahead of the picture in the browser. */
  readonly aheadS: number;
}

/** What to do. */
export interface RateStep {
  /** Speed, in steps of one percent. */
  readonly rate: number;
  /** Seconds to jump forward, told until `onSeek`; 0 for none. */
  readonly seekByS: number;
}

/** How often it wants to be asked, milliseconds. */
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
/** Later than this is sought, not caught up, seconds. */
const SEEK_S = 1;
/** Between two seeks, in steps: a seek needs time to show what it did. */
const STEPS_BETWEEN_SEEKS = 10;

/** One controller for one buffer. */
export class RateController {
  #correcting = false;
  #rest = 0;

  /** Another buffer, or another target: begins anew. */
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
    const wished = this.#correcting ? Math.min(FASTEST, Math.max(SLOWEST, lateS * GAIN)) : 0;
    const step = Math.round(wished * 100) / 100;
    // Never at full speed into an empty buffer, however late.
    const change = aheadS < THIN_S ? Math.min(step, -0.02) : step;
    const seekByS = lateS > SEEK_S && this.#rest === 0 ? lateS : 0;
    return { rate: Math.round((1 + change) * 100) / 100, seekByS };
  }
}

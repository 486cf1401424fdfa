/**
 * Keeps the picture at its target by small changes of the speed, or by a seek if that would take too long.
 * Independent of live edges and rooms: the caller measures how late the picture is.
 * In: how late, how much media is ahead, every 300 ms. Out: a speed, perhaps a seek. No other effects.
 */

/** The measurement, seconds. */
interface RateInput {
  /** How much later than the target the picture is; negative if it is early. */
  readonly lateS: number;
  /** Media ahead of the picture in the browser. */
  readonly aheadS: number;
}

/** What to do. */
interface RateStep {
  /** Speed, in steps of one percent. */
  readonly rate: number;
  /** Seconds to jump forward, back if it is negative; repeated until `onSeek`; 0 for none. */
  readonly seekByS: number;
}

/** Interval of the steps, milliseconds. */
export const RATE_EVERY_MS = 300;

/** When and how much is corrected. */
export interface RateTuning {
  /** Corrections start beyond the first and end within the second distance, seconds. */
  readonly startS: number;
  readonly stopS: number;
  /** Speed per second of distance. */
  readonly gain: number;
  /** Limits of a correction, shares of the speed. */
  readonly slowest: number;
  readonly fastest: number;
  /** A larger delay is skipped by a seek, seconds. */
  readonly seekS: number;
  /** So is a picture that is early by as much. */
  readonly seeksBack: boolean;
  /** Between two seeks, in steps: a seek needs time to show its effect. */
  readonly stepsBetweenSeeks: number;
}

/** Near the live edge: a picture may be late for a while, but must not run dry. */
export const liveTuning: RateTuning = {
  startS: 0.03,
  stopS: 0.01,
  gain: 0.5,
  slowest: -0.05,
  fastest: 0.08,
  seekS: 1,
  seeksBack: false,
  stepsBetweenSeeks: 10,
};

/** With less ahead the picture may not go at full speed, seconds. */
const THIN_S = 0.06;

/**
 * One step without memory.
 *
 * @param wasCorrecting what the step before returned as `isCorrecting`
 */
export function rateStep(
  tuning: RateTuning,
  { lateS, aheadS }: RateInput,
  wasCorrecting: boolean,
): RateStep & { readonly isCorrecting: boolean } {
  const { startS, stopS, gain, slowest, fastest, seekS, seeksBack } = tuning;
  const distance = Math.abs(lateS);
  const isCorrecting = distance > startS || (wasCorrecting && distance >= stopS);
  const wanted = isCorrecting ? Math.min(fastest, Math.max(slowest, lateS * gain)) : 0;
  const step = Math.round(wanted * 100) / 100;
  // Never at full speed into an empty buffer, however late.
  const change = aheadS < THIN_S ? Math.min(step, -0.02) : step;
  const isFar = (seeksBack ? distance : lateS) > seekS;
  return { rate: Math.round((1 + change) * 100) / 100, seekByS: isFar ? lateS : 0, isCorrecting };
}

/** The controller of one buffer. */
export class RateController {
  readonly #tuning: RateTuning;
  #correcting = false;
  #stepsUntilSeek = 0;

  constructor(tuning: RateTuning = liveTuning) {
    this.#tuning = tuning;
  }

  /** Another buffer or target: starts again. */
  reset(): void {
    this.#correcting = false;
    this.#stepsUntilSeek = 0;
  }

  /** A seek was made: it is given time to show. */
  onSeek(): void {
    this.#stepsUntilSeek = this.#tuning.stepsBetweenSeeks;
  }

  /** The next step. */
  next(input: RateInput): RateStep {
    this.#stepsUntilSeek = Math.max(0, this.#stepsUntilSeek - 1);
    const { rate, seekByS, isCorrecting } = rateStep(this.#tuning, input, this.#correcting);
    this.#correcting = isCorrecting;
    return { rate, seekByS: this.#stepsUntilSeek === 0 ? seekByS : 0 };
  }
}

/**
 * Measures how loud sound is in steps of 10 ms.
 * In: samples of one or more channels. Out: levels, 100 a second. Pure.
 */

/** Steps a second. */
export const LEVELS_PER_SECOND = 100;

/** How loud a stretch of sound is, step by step. */
export interface SoundLevels {
  /** Time of the first step, ms on the clock of the sound; steps follow each other without holes. */
  readonly fromMs: number;
  /** Root mean square of each step, 1 is full scale. */
  readonly levels: Float32Array;
}

/** Collects levels of sound that may have holes; a hole is silence. */
export class LevelMeter {
  readonly #maxSteps: number;
  #squares: Float64Array;
  #counts: Float64Array;
  #steps = 0;

  /** @param maxSteps most steps that are kept: sound after them is left out */
  constructor(maxSteps: number) {
    this.#maxSteps = maxSteps;
    this.#squares = new Float64Array(Math.min(maxSteps, 1024));
    this.#counts = new Float64Array(this.#squares.length);
  }

  /**
   * Adds samples of one channel.
   *
   * @param atS seconds from the first step to the first sample; 0 or more
   * @param scale makes full scale 1
   */
  add(atS: number, samples: ArrayLike<number>, rate: number, scale = 1): void {
    const stepsPerSample = LEVELS_PER_SECOND / rate;
    const first = atS * LEVELS_PER_SECOND;
    const last = Math.min(this.#maxSteps, Math.floor(first + (samples.length - 1) * stepsPerSample) + 1);
    if (last > this.#squares.length) this.#grow(last);
    for (let i = 0; i < samples.length; i++) {
      const step = Math.floor(first + i * stepsPerSample);
      if (step < 0) continue;
      if (step >= this.#maxSteps) return;
      const sample = samples[i]! * scale;
      this.#squares[step]! += sample * sample;
      this.#counts[step]! += 1;
      if (step >= this.#steps) this.#steps = step + 1;
    }
  }

  /** The levels so far; a step without samples is silent. */
  get levels(): Float32Array {
    return Float32Array.from({ length: this.#steps }, (_, i) =>
      this.#counts[i] === 0 ? 0 : Math.sqrt(this.#squares[i]! / this.#counts[i]!),
    );
  }

  #grow(steps: number): void {
    const length = Math.min(this.#maxSteps, Math.max(steps, this.#squares.length * 2));
    const grown = (values: Float64Array) => {
      const longer = new Float64Array(length);
      longer.set(values);
      return longer;
    };
    this.#squares = grown(this.#squares);
    this.#counts = grown(this.#counts);
  }
}

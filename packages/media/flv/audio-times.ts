/**
 * Times of audio frames: on the grid of samples, because milliseconds are too coarse for frames of 1024
 * samples.
 * In: milliseconds of messages, samples of frames. Out: ticks of the sample rate.
 */

/** A timestamp further from the grid than this counts at once, s. */
const RESYNC_S = 0.01;
/** Rounding to milliseconds explains distances up to this; larger ones count if they persist, s. */
const ROUNDED_S = 0.0025;
/** This many frames in a row make a drift. */
const DRIFT_FRAMES = 40;
/** A larger step back is a new timeline, which the stream handles, s. */
const JUMP_S = 0.5;

/** Times the frames of one audio track. */
export class AudioTimes {
  readonly #rate: number;
  #next: number | undefined;
  /** Frames in a row whose timestamp is on the same side of the grid, and the least distance among them. */
  #drifting = 0;
  #drift = 0;

  /** @param rate Hz, ticks per second of the result */
  constructor(rate: number) {
    this.#rate = rate;
  }

  /**
   * Decode and presentation time of the next frame, ticks; undefined for a frame that came after its time.
   *
   * @param timeMs without wraps
   * @param nanoseconds added to it
   * @param samples of the frame, ticks
   */
  place(timeMs: number, nanoseconds: number, samples: number): number | undefined {
    const rate = this.#rate;
    const time = Math.round((timeMs / 1000 + nanoseconds / 1e9) * rate);
    const expected = this.#next;
    if (expected === undefined) return this.#take(time, samples);
    const distance = time - expected;
    if (Math.abs(distance) > RESYNC_S * rate) {
      // Some encoders give two frames one timestamp: the second one follows the first. What is earlier came
      // late.
      const isDouble = distance < 0 && distance >= -1.5 * samples;
      if (distance < 0 && !isDouble && distance >= -JUMP_S * rate) return undefined;
      return this.#take(isDouble ? expected : time, samples);
    }
    if (Math.abs(distance) <= ROUNDED_S * rate || (this.#drifting > 0 && distance > 0 !== this.#drift > 0)) {
      this.#drifting = 0;
    } else {
      const least = this.#drifting === 0 || Math.abs(distance) < Math.abs(this.#drift);
      if (least) this.#drift = distance;
      if (++this.#drifting >= DRIFT_FRAMES) return this.#take(expected + this.#drift, samples);
    }
    this.#next = expected + samples;
    return expected;
  }

  #take(time: number, samples: number): number {
    this.#drifting = 0;
    this.#next = time + samples;
    return time;
  }
}

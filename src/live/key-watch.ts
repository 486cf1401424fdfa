/**
 * Watches how long a track goes on without a key frame, so that its publisher can be told (docs/media.md 12).
 * In: the frames of the reference track. Out: whether it is time to say something, once for each drought. Pure.
 */
import type { Frame } from '../media/frame.ts';

/** Segments without a key frame cannot be started at: after this long somebody should know, seconds. */
const KEYLESS_S = 10;

/** The key frames of one track. */
export class KeyWatch {
  /** dts of the last key frame, or of the first frame where none came yet, ticks. */
  #since: number | undefined;
  #told = false;

  /**
   * Takes a frame.
   *
   * @param timescale ticks per second
   * @returns true when there was no key frame for ten seconds, once until the next one
   */
  add({ key, dts }: Frame, timescale: number): boolean {
    if (key || this.#since === undefined || dts < this.#since) {
      this.#since = dts;
      this.#told = false;
      return false;
    }
    if (this.#told || dts - this.#since < KEYLESS_S * timescale) return false;
    this.#told = true;
    return true;
  }
}

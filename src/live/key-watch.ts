/**
 * Detects that a track has no key frame for ten seconds (docs/media.md 12).
 * In: the frames of the reference track. Out: true once, until the next key frame. Pure.
 */
import type { Frame } from '@oxbow/media/frame';

/** No player can start at segments without a key frame: report it after this, seconds. */
const KEYLESS_S = 10;

/** The key frames of one track. */
export class KeyWatch {
  /** dts of the last key frame, otherwise of the first frame, ticks. */
  #since: number | undefined;
  #isReported = false;

  /**
   * Takes a frame.
   *
   * @param timescale ticks per second
   * @returns true when there was no key frame for ten seconds, once until the next one
   */
  add({ key, dts }: Frame, timescale: number): boolean {
    if (key || this.#since === undefined || dts < this.#since) {
      this.#since = dts;
      this.#isReported = false;
      return false;
    }
    if (this.#isReported || dts - this.#since < KEYLESS_S * timescale) return false;
    this.#isReported = true;
    return true;
  }
}

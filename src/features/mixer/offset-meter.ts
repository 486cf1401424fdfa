/**
 * Where the clock of an input is on the clock of this process: the least of (arrival - decode time) over the
 * last seconds, which belongs to the frame that waited least.
 * In: frames as they arrive. Out: an offset. Pure.
 */

/** Length of one of two measurements, µs. */
const WINDOW_US = 5_000_000;

/** The offset of one run of an input. */
export class OffsetMeter {
  #leastUs = Number.POSITIVE_INFINITY;
  #previousUs = Number.POSITIVE_INFINITY;
  #windowUs: number | undefined;

  /**
   * Takes a frame of the reference track.
   *
   * @param dtsUs its decode time by the clock of the input, µs
   * @param nowUs its arrival by the monotonic clock, µs
   */
  add(dtsUs: number, nowUs: number): void {
    this.#windowUs ??= nowUs;
    if (nowUs - this.#windowUs > WINDOW_US) {
      this.#previousUs = this.#leastUs;
      this.#leastUs = Number.POSITIVE_INFINITY;
      this.#windowUs = nowUs;
    }
    this.#leastUs = Math.min(this.#leastUs, nowUs - dtsUs);
  }

  /** The monotonic clock at time 0 of the input, µs; Infinity before the first frame. */
  get offsetUs(): number {
    return Math.min(this.#leastUs, this.#previousUs);
  }
}

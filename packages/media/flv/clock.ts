/**
 * The clock of a connection: 32-bit milliseconds that wrap after 49.7 days.
 * In: timestamps of messages. Out: milliseconds that continue. Pure. RTMP 1.0, 5.3.1.1; RFC 1982.
 */

/** FFmpeg and programs built on it write 31 bits: their clock wraps after 24.8 days. */
const HALF = 2 ** 31;
/** A step this close to 31 bits is a wrap, ms; any other distance is a step of the encoder's clock. */
const WRAP_WITHIN_MS = 10_000;

/** Removes the wrap from timestamps; audio and video share one clock. */
export class FlvClock {
  #last: number | undefined;
  #time = 0;

  /**
   * Milliseconds on a line without a wrap. A timestamp before the previous one stays before it; negative
   * before the first one's zero.
   *
   * @param timestampMs 0 to 2^32 - 1
   */
  unwrap(timestampMs: number): number {
    const last = this.#last;
    this.#last = timestampMs;
    if (last === undefined) this.#time = timestampMs;
    else this.#time += stepOf((timestampMs - last) | 0);
    return this.#time;
  }
}

/** The sign of the 32-bit difference decides between before and after; of 31 bits the shorter way. */
function stepOf(difference: number): number {
  if (Math.abs(difference) < HALF - WRAP_WITHIN_MS) return difference;
  return difference < 0 ? difference + HALF : difference - HALF;
}

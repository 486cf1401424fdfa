/**
 * The clock of a connection: 32-bit milliseconds that wrap after 49.7 days.
 * In: timestamps of messages. Out: milliseconds that continue. Pure. RTMP 1.0, 5.3.1.1; RFC 1982.
 */

/** Removes the wrap from timestamps; audio and video share one clock. */
export class FlvClock {
  #last: number | undefined;

  /**
   * Milliseconds on a line without a wrap. A timestamp before the previous one stays before it; negative before the first one's zero.
   *
   * @param timestampMs 0 to 2^32 - 1
   */
  unwrap(timestampMs: number): number {
    const last = this.#last;
    // The sign of the 32-bit difference decides between before and after.
    const time = last === undefined ? timestampMs : last + ((timestampMs - last) | 0);
    this.#last = time;
    return time;
  }
}

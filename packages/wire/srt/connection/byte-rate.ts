/**
 * Bytes per second over the last second.
 * In: a counter of bytes that grows. Out: a rate. Pure.
 */

const WINDOW_US = 1_000_000;

/** The rate of a counter. */
export class ByteRate {
  /** Of the last complete second. */
  bytesPerSecond = 0;
  #began = -1;
  #bytes = 0;

  /** Reads the counter; called several times a second. */
  count(bytes: number, nowUs: number): void {
    if (this.#began < 0) this.#began = nowUs;
    const elapsed = nowUs - this.#began;
    if (elapsed < WINDOW_US) return;
    this.bytesPerSecond = ((bytes - this.#bytes) * 1_000_000) / elapsed;
    this.#began = nowUs;
    this.#bytes = bytes;
  }
}

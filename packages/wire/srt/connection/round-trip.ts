/**
 * Round-trip time of a connection.
 * In: samples from ACKACKs, and values that the peer measured. Out: smoothed time and variance. Pure.
 * draft-sharabayko-srt-01 4.10.
 */

const FIRST_RTT_US = 100_000;
const FIRST_VARIANCE_US = 50_000;
/** Longer samples and reports are not plausible, µs. */
const MAX_RTT_US = 10_000_000;

/** Smoothed round-trip time. */
export class RoundTrip {
  /** µs. */
  rttUs = FIRST_RTT_US;
  /** µs. */
  varianceUs = FIRST_VARIANCE_US;
  #hasOwn = false;

  /** Takes a measurement of this side, µs. */
  sample(rttUs: number): void {
    if (!(rttUs >= 0 && rttUs <= MAX_RTT_US)) return;
    if (!this.#hasOwn) {
      this.#hasOwn = true;
      this.rttUs = rttUs;
      this.varianceUs = rttUs / 2;
      return;
    }
    this.varianceUs = (this.varianceUs * 3 + Math.abs(this.rttUs - rttUs)) / 4;
    this.rttUs = (this.rttUs * 7 + rttUs) / 8;
  }

  /**
   * Takes the values of the peer's ACK, µs, as they are: they are smoothed. Used while this side has no
   * measurement, as a pure sender has none.
   */
  report(rttUs: number, varianceUs: number): void {
    if (this.#hasOwn || rttUs > MAX_RTT_US || varianceUs > MAX_RTT_US) return;
    this.rttUs = rttUs;
    this.varianceUs = varianceUs;
  }
}

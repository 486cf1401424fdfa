/**
 * Round-trip time of a connection.
 * In: samples from ACKACKs, and values that the peer measured. Out: smoothed time and variance. Pure. draft-sharabayko-srt-01 4.10.
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
  #hasAny = false;

  /** Takes a measurement of this side, µs. */
  sample(rttUs: number): void {
    if (!(rttUs >= 0 && rttUs <= MAX_RTT_US)) return;
    this.#take(rttUs);
    this.#hasOwn = true;
  }

  /** Takes the value of the peer's ACK, µs; used while this side has no measurement of its own, as a pure sender has none. */
  report(rttUs: number): void {
    if (this.#hasOwn || rttUs > MAX_RTT_US) return;
    this.#take(rttUs);
  }

  #take(rttUs: number): void {
    if (!this.#hasAny) {
      this.#hasAny = true;
      this.rttUs = rttUs;
      this.varianceUs = rttUs / 2;
      return;
    }
    this.varianceUs = (this.varianceUs * 3 + Math.abs(this.rttUs - rttUs)) / 4;
    this.rttUs = (this.rttUs * 7 + rttUs) / 8;
  }
}

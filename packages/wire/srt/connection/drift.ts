/**
 * The sender's clock on this side's clock: when a packet with a timestamp was sent, plus the usual transit
 * time.
 * In: the timestamp of the handshake, ACKACKs with their arrival. Out: local times. Pure.
 * draft-sharabayko-srt-01 4.5, 4.7.
 */

/** Samples of the first mean and of later ones; ACKACKs arrive up to 100 times a second. */
const FIRST_SAMPLES = 100;
const SAMPLES = 1000;

/** Follows the drift of the sender's clock. */
export class SenderClock {
  #baseUs: number;
  #firstRttUs = -1;
  #sumUs = 0;
  #count = 0;
  #wanted = FIRST_SAMPLES;
  /** Correction so far, µs; positive when the sender's clock is slow. */
  driftUs = 0;

  /**
   * @param arrivalUs local time of a packet's arrival, µs
   * @param timestampUs its timestamp without wrap, µs
   */
  constructor(arrivalUs: number, timestampUs: number) {
    this.#baseUs = arrivalUs - timestampUs;
  }

  /** Local time that corresponds to a timestamp without wrap, µs. */
  localUs(timestampUs: number): number {
    return this.#baseUs + timestampUs;
  }

  /**
   * Takes a packet that was sent without waiting in a queue: an ACKACK.
   *
   * @param arrivalUs local time of its arrival, µs
   * @param timestampUs its timestamp without wrap, µs
   * @param rttUs round-trip time of this packet: half of its change is the network's, not the clock's
   */
  sample(arrivalUs: number, timestampUs: number, rttUs: number): void {
    if (this.#firstRttUs < 0) this.#firstRttUs = rttUs;
    this.#sumUs += arrivalUs - this.localUs(timestampUs) - (rttUs - this.#firstRttUs) / 2;
    if (++this.#count < this.#wanted) return;
    const mean = this.#sumUs / this.#count;
    this.#baseUs += mean;
    this.driftUs += mean;
    this.#sumUs = 0;
    this.#count = 0;
    this.#wanted = SAMPLES;
  }
}

/**
 * How long a missing packet may only be late, where packets take several ways and overtake each other.
 * In: how late packets came that were not sent again. Out: the time until a missing one is reported. Pure.
 */

const FIRST_US = 60_000;
const LEAST_US = 20_000;
/** A longer wait would leave too little of the latency for the repair, µs. */
const MOST_US = 500_000;
/** Of the latency. */
const MOST_SHARE = 1 / 3;
const MARGIN = 1.25;
const MARGIN_US = 10_000;
const DECAY_EVERY_US = 1_000_000;
const DECAY = 0.95;

/** Follows the lateness of the packets of one connection. */
export class ReorderTolerance {
  readonly #mostUs: number;
  #peakUs = (FIRST_US - MARGIN_US) / MARGIN;
  #decayUs = 0;

  constructor(latencyUs: number) {
    this.#mostUs = Math.max(LEAST_US, Math.min(MOST_US, latencyUs * MOST_SHARE));
  }

  /** How long to wait before a missing packet is reported, µs. */
  get waitUs(): number {
    return Math.min(this.#mostUs, Math.max(LEAST_US, this.#peakUs * MARGIN + MARGIN_US));
  }

  /** A packet came so many µs after it was noticed to be missing, and had not been sent again. */
  sample(lateUs: number): void {
    if (lateUs > this.#peakUs) this.#peakUs = lateUs;
  }

  /** A packet was sent again although it was only late. */
  grow(): void {
    this.#peakUs = Math.min(this.#mostUs, this.#peakUs * MARGIN + MARGIN_US);
  }

  /** Forgets old peaks. */
  tick(nowUs: number): void {
    if (nowUs < this.#decayUs) return;
    this.#decayUs = nowUs + DECAY_EVERY_US;
    this.#peakUs *= DECAY;
  }
}

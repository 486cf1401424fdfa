/**
 * Figures of one received source: losses, jitter, the highest sequence number.
 * In: arrivals. Out: the values of a reception report. Pure. RFC 3550 6.4.1, A.3 (losses), A.8 (jitter).
 */
import type { ReceptionReport } from '../rtcp.ts';

/** Fields of a report that follow only from the packets. */
type ReceptionFigures = Pick<ReceptionReport, 'lossRate' | 'lost' | 'highestSequence' | 'jitter'>;

/** Counts the packets of one source. */
export class Reception {
  readonly #clockRate: number;
  #first = 0;
  #highest = -1;
  #received = 0;
  #expectedBefore = 0;
  #receivedBefore = 0;
  #jitter = 0;
  #transit: number | undefined;

  /** @param clockRate ticks per second */
  constructor(clockRate: number) {
    this.#clockRate = clockRate;
  }

  /** Interarrival jitter, ms. */
  get jitterMs(): number {
    return (this.#jitter / this.#clockRate) * 1000;
  }

  /** Packets that were received, repeated ones included. */
  get received(): number {
    return this.#received;
  }

  /** Packets that are missing until now; negative after repeated packets. */
  get lost(): number {
    return this.#highest < 0 ? 0 : this.#highest - this.#first + 1 - this.#received;
  }

  /**
   * A packet arrived.
   *
   * @param sequence extended by its wraps
   * @param timestamp extended by its wraps, ticks; undefined for a packet sent again, which says nothing
   *   about jitter
   */
  add(sequence: number, timestamp: number | undefined, nowMs: number): void {
    if (this.#highest < 0) this.#first = sequence;
    this.#highest = Math.max(this.#highest, sequence);
    this.#received++;
    if (timestamp === undefined) return;
    const transit = (nowMs / 1000) * this.#clockRate - timestamp;
    if (this.#transit !== undefined) {
      // A jump of the timestamps is no jitter.
      const distance = Math.min(this.#clockRate, Math.abs(transit - this.#transit));
      this.#jitter += (distance - this.#jitter) / 16;
    }
    this.#transit = transit;
  }

  /** The figures since the last call and in total. */
  take(): ReceptionFigures {
    const expected = this.#highest < 0 ? 0 : this.#highest - this.#first + 1;
    const expectedNow = expected - this.#expectedBefore;
    const lostNow = expectedNow - (this.#received - this.#receivedBefore);
    this.#expectedBefore = expected;
    this.#receivedBefore = this.#received;
    return {
      lossRate: expectedNow > 0 && lostNow > 0 ? Math.min(255 / 256, lostNow / expectedNow) : 0,
      lost: expected - this.#received,
      highestSequence: Math.max(0, this.#highest) % 2 ** 32,
      jitter: Math.round(this.#jitter),
    };
  }
}

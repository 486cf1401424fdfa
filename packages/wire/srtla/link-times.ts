/**
 * Round trip time of each link. SRT measures one of both ways together: an acknowledgement leaves over one
 * link, its confirmation comes over any. The timestamps of data packets say how much slower one link is than
 * another, so each confirmation gives the time of the link that carried the acknowledgement.
 * In: acknowledgements, confirmations and data packets, with their links. Out: smoothed times. Pure.
 */

/** Acknowledgements whose times are kept; at one per 10 ms this is 1.28 s. */
const ACKS = 128;
const MAX_RTT_US = 10_000_000;
const SMOOTH = 1 / 8;

interface Acknowledged {
  readonly number: number;
  readonly link: number;
  readonly atUs: number;
}

/** The times of the links of one group. */
export class LinkTimes {
  readonly #acks: (Acknowledged | undefined)[] = new Array(ACKS).fill(undefined);
  /** Difference of arrival and timestamp against the first packet, µs, by link. */
  readonly #transitUs = new Map<number, number>();
  readonly #rttUs = new Map<number, number>();
  #baseUs: number | undefined;

  /** Round trip time of a link, ms; undefined before the first measurement. */
  rttMs(link: number): number | undefined {
    const rttUs = this.#rttUs.get(link);
    return rttUs === undefined ? undefined : rttUs / 1000;
  }

  /** A link is gone, or another one has its number. */
  forget(link: number): void {
    this.#transitUs.delete(link);
    this.#rttUs.delete(link);
  }

  /** Another connection begins, with another clock. */
  restart(): void {
    this.#baseUs = undefined;
    this.#transitUs.clear();
    this.#acks.fill(undefined);
  }

  /** A data packet that was sent the first time came over a link. @param timestamp 32 bits, µs */
  data(link: number, timestamp: number, nowUs: number): void {
    this.#baseUs ??= nowUs - timestamp;
    const transitUs = (nowUs - timestamp - this.#baseUs) | 0; // the timestamp wraps
    const before = this.#transitUs.get(link);
    this.#transitUs.set(link, before === undefined ? transitUs : before + (transitUs - before) * SMOOTH);
  }

  /** An acknowledgement leaves over a link. @param number its number, 1 and above */
  acknowledge(link: number, number: number, nowUs: number): void {
    this.#acks[number % ACKS] = { number, link, atUs: nowUs };
  }

  /** The confirmation of an acknowledgement came over a link. */
  confirm(link: number, number: number, nowUs: number): void {
    const ack = this.#acks[number % ACKS];
    if (ack?.number !== number) return;
    this.#acks[number % ACKS] = undefined;
    const [there, here] = [this.#transitUs.get(ack.link), this.#transitUs.get(link)];
    if (ack.link !== link && (there === undefined || here === undefined)) return;
    const rttUs = nowUs - ack.atUs + (ack.link === link ? 0 : there! - here!);
    if (!(rttUs >= 0 && rttUs <= MAX_RTT_US)) return;
    const before = this.#rttUs.get(ack.link);
    this.#rttUs.set(ack.link, before === undefined ? rttUs : before + (rttUs - before) * SMOOTH);
  }
}

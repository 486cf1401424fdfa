/**
 * Reports missing packets: at once, and again until they arrive or are given up.
 * In: the receiver's missing packets. Out: NAKs. draft-sharabayko-srt-01 3.2.5, 4.8.2.
 */
import { MAX_LOSS_WORDS, writeLossRange } from '../packet/ack.ts';
import { control, HEADER_BYTES } from '../packet/header.ts';
import { sequenceOf } from '../packet/sequence.ts';
import type { ControlWriter } from './control-writer.ts';
import type { SrtReceiver } from './receiver.ts';
import type { RoundTrip } from './round-trip.ts';

const LEAST_INTERVAL_US = 20_000;
/** NAKs of one tick, so that a peer cannot make this side flood it. */
const PACKETS_PER_TICK = 4;

/** The loss reports of one connection. */
export class LossReporter {
  readonly #initial: number;
  readonly #roundTrip: RoundTrip;
  readonly #writer: ControlWriter;
  readonly #isReordered: boolean;

  /** @param initial initial sequence number @param isReordered packets take several ways */
  constructor(initial: number, roundTrip: RoundTrip, writer: ControlWriter, isReordered = false) {
    this.#isReordered = isReordered;
    this.#initial = initial;
    this.#roundTrip = roundTrip;
    this.#writer = writer;
  }

  /**
   * Time until a range is reported again, µs: half a round trip, because the report or the retransmission may
   * be lost too and the latency leaves time for few tries. Senders ignore reports of packets that they sent
   * again less than a round trip ago. Over several ways, the time of the slower ones: what is on its way
   * there would be sent again and again.
   */
  get intervalUs(): number {
    const { rttUs, varianceUs } = this.#roundTrip;
    return Math.max(LEAST_INTERVAL_US, this.#isReordered ? rttUs + 2 * varianceUs : rttUs / 2);
  }

  /** Reports packets `[from, to)`. */
  report(from: number, to: number): void {
    const packet = Buffer.allocUnsafe(HEADER_BYTES + 8);
    this.#send(packet, this.#write(packet, HEADER_BYTES, from, to));
  }

  /**
   * Reports again the ranges reported long ago. Each has a separate time, so that no packet is requested
   * twice in a row.
   */
  tick(receiver: SrtReceiver, nowUs: number): void {
    const interval = this.intervalUs;
    receiver.reportAgainUs = interval;
    const { missing } = receiver;
    let packet: Buffer | undefined;
    let at = HEADER_BYTES;
    let packets = 0;
    for (const range of missing) {
      if (range.reportAtUs > nowUs) continue;
      range.reportAtUs = nowUs + interval;
      packet ??= Buffer.allocUnsafe(HEADER_BYTES + MAX_LOSS_WORDS * 4);
      at = this.#write(packet, at, range.from, range.to);
      if (at + 8 <= packet.length) continue;
      this.#send(packet, at);
      packet = undefined;
      at = HEADER_BYTES;
      if (++packets === PACKETS_PER_TICK) return;
    }
    if (packet) this.#send(packet, at);
  }

  #write(packet: Uint8Array, at: number, from: number, to: number): number {
    return writeLossRange(packet, at, sequenceOf(this.#initial, from), sequenceOf(this.#initial, to - 1));
  }

  #send(packet: Uint8Array, length: number): void {
    this.#writer.finish(packet.subarray(0, length), control.nak, 0, 0);
  }
}

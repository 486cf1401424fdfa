/**
 * Acknowledges received packets, and measures the round-trip time with the confirmations.
 * In: the receiver's position, ACKACKs. Out: full and light ACKs; samples. draft-sharabayko-srt-01 3.2.4,
 * 4.8.1, 4.10.
 */
import { FULL_ACK_BYTES, LIGHT_ACK_BYTES, writeFullAck } from '../packet/ack.ts';
import { control, HEADER_BYTES, LIVE_PAYLOAD_BYTES, writeU32 } from '../packet/header.ts';
import { sequenceOf } from '../packet/sequence.ts';
import type { ControlWriter } from './control-writer.ts';
import type { SrtReceiver } from './receiver.ts';
import type { RoundTrip } from './round-trip.ts';

/** A light ACK is sent after this many packets. */
const LIGHT_ACK_PACKETS = 64;
/** ACK numbers whose times are kept; at one per 10 ms this is 1.28 s. */
const ACKS = 128;
/** No time: the ACK was confirmed or never sent. */
const NONE = -1;

/** The ACKs of one connection. */
export class Acknowledger {
  readonly #initial: number;
  readonly #receiver: SrtReceiver;
  readonly #roundTrip: RoundTrip;
  readonly #writer: ControlWriter;
  readonly #times = new Float64Array(ACKS).fill(NONE);
  readonly #indexes = new Float64Array(ACKS);
  #number = 0;
  /** Index of the last ACK, and when it was sent. */
  #index = 0;
  #sentUs = 0;
  #confirmedIndex = 0;
  #packets = 0;

  /** @param initial initial sequence number */
  constructor(initial: number, receiver: SrtReceiver, roundTrip: RoundTrip, writer: ControlWriter) {
    this.#initial = initial;
    this.#receiver = receiver;
    this.#roundTrip = roundTrip;
    this.#writer = writer;
  }

  /** Counts a received packet; every 64th is acknowledged at once. */
  count(): void {
    if (++this.#packets < LIGHT_ACK_PACKETS) return;
    this.#packets = 0;
    const packet = Buffer.allocUnsafe(HEADER_BYTES + LIGHT_ACK_BYTES);
    writeU32(packet, HEADER_BYTES, sequenceOf(this.#initial, this.#receiver.next));
    this.#writer.finish(packet, control.ack, 0, 0);
  }

  /**
   * Sends a full ACK if there is news, or the last one was not confirmed.
   *
   * @param byteRate bytes per second that arrive
   */
  tick(byteRate: number, nowUs: number): void {
    const index = this.#receiver.next;
    const { rttUs, varianceUs } = this.#roundTrip;
    if (index === this.#index) {
      if (index === this.#confirmedIndex || nowUs - this.#sentUs < rttUs + 4 * varianceUs) return;
    }
    this.#index = index;
    this.#sentUs = nowUs;
    this.#packets = 0;
    this.#number++;
    const slot = this.#number % ACKS;
    this.#times[slot] = nowUs;
    this.#indexes[slot] = index;
    const packetRate = Math.round(byteRate / LIVE_PAYLOAD_BYTES);
    const packet = Buffer.allocUnsafe(HEADER_BYTES + FULL_ACK_BYTES);
    writeFullAck(packet, {
      sequence: sequenceOf(this.#initial, index),
      rttUs: Math.round(rttUs),
      rttVarianceUs: Math.round(varianceUs),
      availablePackets: Math.max(2, this.#receiver.available),
      packetRate,
      // Node reports datagrams in groups, so the distance of two packets says nothing about the link.
      linkCapacity: packetRate,
      byteRate: Math.round(byteRate),
    });
    this.#writer.finish(packet, control.ack, 0, this.#number);
  }

  /**
   * Takes a confirmation.
   *
   * @param number ACK number
   * @returns the round-trip time, µs; undefined if the ACK was confirmed before or is too old; NaN if it was
   *   never sent
   */
  confirm(number: number, nowUs: number): number | undefined {
    const age = this.#number - number;
    if (number === 0 || age < 0) return Number.NaN;
    const slot = number % ACKS;
    const sentUs = this.#times[slot]!;
    if (age >= ACKS || sentUs === NONE) return undefined;
    this.#times[slot] = NONE;
    this.#confirmedIndex = Math.max(this.#confirmedIndex, this.#indexes[slot]!);
    const rttUs = nowUs - sentUs;
    this.#roundTrip.sample(rttUs);
    return rttUs;
  }
}

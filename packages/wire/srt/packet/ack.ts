/**
 * Bodies of acknowledgements, of loss reports and of drop requests.
 * In: control packets. Out: their values, and packets. Pure. draft-sharabayko-srt-01 3.2.4, 3.2.5, 3.2.9,
 * Appendix A.
 */
import { FormatError } from '@oxbow/media/errors';
import { HEADER_BYTES, MAX_PAYLOAD_BYTES, readU32, writeU32 } from './header.ts';

/** Body of a full ACK. */
interface Ack {
  /** The first sequence number that is not acknowledged, 31 bits. */
  readonly sequence: number;
  /** Round-trip time and its variance, µs; undefined in light ACKs. */
  readonly rttUs: number | undefined;
  readonly rttVarianceUs: number | undefined;
  /** Free packets in the receive buffer; undefined in light ACKs. */
  readonly availablePackets: number | undefined;
  /** Packets per second; undefined in light and small ACKs. */
  readonly packetRate: number | undefined;
  /** Estimated capacity of the link, packets per second; undefined in light and small ACKs. */
  readonly linkCapacity: number | undefined;
  /** Bytes per second; undefined in ACKs without it. */
  readonly byteRate: number | undefined;
}

/** Length of the body of a full ACK, bytes. */
export const FULL_ACK_BYTES = 28;
/** Length of the body of a light ACK, bytes. */
export const LIGHT_ACK_BYTES = 4;

/**
 * Parses an ACK: full, small (4 words) or light (1 word).
 *
 * @param packet the control packet with its header
 * @throws FormatError if the body is shorter than one word
 */
export function parseAck(packet: Uint8Array): Ack {
  const words = (packet.length - HEADER_BYTES) >> 2;
  if (words < 1) throw new FormatError('ACK without a sequence number', packet.length);
  const word = (index: number) => (index < words ? readU32(packet, HEADER_BYTES + 4 * index) : undefined);
  return {
    sequence: readU32(packet, HEADER_BYTES) & 0x7fff_ffff,
    rttUs: word(1),
    rttVarianceUs: word(2),
    availablePackets: word(3),
    packetRate: word(4),
    linkCapacity: word(5),
    byteRate: word(6),
  };
}

/** Values of a full ACK to send; the units of `Ack`. */
type FullAck = { readonly [Name in keyof Ack]: number };

/** Writes the body of a full ACK after the header. */
export function writeFullAck(packet: Uint8Array, ack: FullAck): void {
  writeU32(packet, HEADER_BYTES, ack.sequence);
  writeU32(packet, HEADER_BYTES + 4, ack.rttUs);
  writeU32(packet, HEADER_BYTES + 8, ack.rttVarianceUs);
  writeU32(packet, HEADER_BYTES + 12, ack.availablePackets);
  writeU32(packet, HEADER_BYTES + 16, ack.packetRate);
  writeU32(packet, HEADER_BYTES + 20, ack.linkCapacity);
  writeU32(packet, HEADER_BYTES + 24, ack.byteRate);
}

/** Words of the largest loss list of one packet. */
export const MAX_LOSS_WORDS = MAX_PAYLOAD_BYTES >> 2;

/**
 * Reads a loss list: single sequence numbers, and ranges whose first word has its highest bit set.
 *
 * @param packet the NAK with its header
 * @param range called with the first and the last sequence number of each range, both included
 * @throws FormatError if the list is empty, longer than a packet, or ends within a range
 */
export function readLossList(packet: Uint8Array, range: (first: number, last: number) => void): void {
  const words = (packet.length - HEADER_BYTES) >> 2;
  if (words < 1 || words > MAX_LOSS_WORDS) throw new FormatError(`NAK with ${words} words`, packet.length);
  for (let index = 0; index < words; index++) {
    const at = HEADER_BYTES + 4 * index;
    const word = readU32(packet, at);
    if (word < 0x8000_0000) {
      range(word, word);
      continue;
    }
    if (index + 1 >= words) throw new FormatError('NAK ends within a range', at);
    const last = readU32(packet, at + 4);
    if (last >= 0x8000_0000) throw new FormatError('NAK with a range without an end', at + 4);
    range(word & 0x7fff_ffff, last);
    index++;
  }
}

/**
 * Writes one range of a loss list.
 *
 * @param at offset; there must be room for 2 words
 * @returns the offset after it
 */
export function writeLossRange(packet: Uint8Array, at: number, first: number, last: number): number {
  if (first === last) {
    writeU32(packet, at, first);
    return at + 4;
  }
  writeU32(packet, at, (first | 0x8000_0000) >>> 0);
  writeU32(packet, at + 4, last);
  return at + 8;
}

/**
 * Parses a drop request: the sequence numbers that the sender will not send again.
 *
 * @throws FormatError if the body is shorter than two words
 */
export function parseDropRequest(packet: Uint8Array): { readonly first: number; readonly last: number } {
  if (packet.length < HEADER_BYTES + 8) throw new FormatError('drop request without a range', packet.length);
  return {
    first: readU32(packet, HEADER_BYTES) & 0x7fff_ffff,
    last: readU32(packet, HEADER_BYTES + 4) & 0x7fff_ffff,
  };
}

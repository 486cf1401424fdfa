/**
 * The RTP header extensions of a connection's packets.
 * In: the negotiated ids, the time of each packet. Out: the extension block of each packet. Pure. RFC 8285;
 * RFC 9143 15 (MID), draft-holmer-rmcat-transport-wide-cc-extensions-01 2, abs-send-time of WebRTC (24 bits,
 * 6.18 fixed point seconds).
 */

import { constantExtensions, type PacketExtensions } from '../packet.ts';

/** Profile and length before the elements of a block, RFC 8285 4.2. */
const BLOCK_HEAD_BYTES = 4;
const SEND_TIME_BYTES = 3;
const NUMBER_BYTES = 2;

/** Ids, 1 to 14, of the extensions that the peer accepts. */
interface ExtensionIds {
  /** `urn:ietf:params:rtp-hdrext:sdes:mid`. */
  readonly mid?: number;
  /** `http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01`. */
  readonly transportSequence?: number;
  /**
   * `http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time`; lets browsers estimate the bandwidth for
   * REMB.
   */
  readonly absoluteSendTime?: number;
}

/** The transport-wide numbers of a connection, which all of its sources share. */
interface TransportNumbers {
  /** The next one, 16 bits. */
  next: number;
}

/**
 * Creates the extensions of one source; undefined: its packets have none.
 *
 * @param ids those that the SDP negotiated
 * @param mid identification of the media section, ASCII, 1 to 16 characters
 * @param numbers the same object for all sources of a connection
 */
export function createPacketExtensions(
  { mid: midId, transportSequence, absoluteSendTime }: ExtensionIds,
  mid: string,
  numbers: TransportNumbers,
): PacketExtensions | undefined {
  const elements: [id: number, value: Uint8Array][] = [];
  if (midId !== undefined) elements.push([midId, new TextEncoder().encode(mid)]);
  // Elements have a head of one byte.
  const sendTimeAt = BLOCK_HEAD_BYTES + (midId === undefined ? 0 : 1 + elements[0]![1].length) + 1;
  const numberAt = sendTimeAt + (absoluteSendTime === undefined ? 0 : SEND_TIME_BYTES + 1);
  if (absoluteSendTime !== undefined) elements.push([absoluteSendTime, new Uint8Array(SEND_TIME_BYTES)]);
  if (transportSequence !== undefined) elements.push([transportSequence, new Uint8Array(NUMBER_BYTES)]);
  if (elements.length === 0) return undefined;
  const block = constantExtensions(elements);
  return {
    bytes: block.bytes,
    write(header, at, nowMs) {
      block.write(header, at, nowMs);
      if (absoluteSendTime !== undefined) {
        const value = Math.floor((nowMs / 1000) * 2 ** 18) % 2 ** 24;
        header[at + sendTimeAt] = value >> 16;
        header[at + sendTimeAt + 1] = value >> 8;
        header[at + sendTimeAt + 2] = value;
      }
      if (transportSequence !== undefined) {
        const { next } = numbers;
        numbers.next = (next + 1) & 0xffff;
        header[at + numberAt] = next >> 8;
        header[at + numberAt + 1] = next;
      }
    },
  };
}

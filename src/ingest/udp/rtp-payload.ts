/**
 * MPEG-TS in RTP: where the payload of a datagram begins.
 * In: one datagram. Out: an offset. Pure. RFC 3550 5.1 and 5.3.1; RFC 2250 2 (payload type 33 is MP2T).
 */

const MP2T = 33;
const FIXED_BYTES = 12;
const SYNC = 0x47;

/**
 * Offset of the transport packets in an RTP packet of payload type 33.
 *
 * @returns undefined if the datagram is no such packet
 */
export function rtpPayloadAt(datagram: Uint8Array): number | undefined {
  if (datagram.length < FIXED_BYTES || datagram[0]! >> 6 !== 2 || (datagram[1]! & 0x7f) !== MP2T) return undefined;
  let at = FIXED_BYTES + 4 * (datagram[0]! & 0x0f);
  if ((datagram[0]! & 0x10) !== 0) {
    if (at + 4 > datagram.length) return undefined;
    at += 4 + 4 * ((datagram[at + 2]! << 8) | datagram[at + 3]!);
  }
  return datagram[at] === SYNC ? at : undefined;
}

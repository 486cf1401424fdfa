/**
 * MPEG-TS in RTP: where the payload of a datagram begins, and which datagrams are reports.
 * In: one datagram. Out: an offset; whether it is RTCP. Pure. RFC 3550 5.1, 5.3.1 and 6; RFC 2250 2 (payload
 * type 33 is MP2T).
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

/** Packet types of sender and receiver reports, one of which begins every datagram of RTCP (RFC 3550 6.1). */
const REPORTS: readonly number[] = [200, 201];

/**
 * Whether a datagram is RTCP: an RTP sender reports to the port after that of its media, which may be the
 * port of another feed.
 */
export function isRtcpReport(datagram: Uint8Array): boolean {
  if (datagram.length < 8 || datagram[0]! >> 6 !== 2 || !REPORTS.includes(datagram[1]!)) return false;
  return 4 * (((datagram[2]! << 8) | datagram[3]!) + 1) <= datagram.length;
}

/**
 * The RTP header extensions of a connection's packets.
 * In: the negotiated ids, the time of each packet. Out: values by id, for printRtp. Pure. RFC 8285;
 * RFC 9143 15 (MID), draft-holmer-rmcat-transport-wide-cc-extensions-01 2, abs-send-time of WebRTC (24 bits,
 * 6.18 fixed point seconds).
 */

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

/** Values of one packet by id. @param nowMs time of sending, any clock that does not go back */
export type PacketExtensions = (nowMs: number) => ReadonlyMap<number, Uint8Array> | undefined;

/** The transport-wide numbers of a connection, which all of its sources share. */
interface TransportNumbers {
  /** The next one, 16 bits. */
  next: number;
}

/**
 * Creates the extensions of one source.
 *
 * @param ids those that the SDP negotiated; none: packets have no extension
 * @param mid identification of the media section, ASCII, 1 to 16 characters
 * @param numbers the same object for all sources of a connection
 */
export function createPacketExtensions(ids: ExtensionIds, mid: string, numbers: TransportNumbers): PacketExtensions {
  const fixed: [number, Uint8Array][] = ids.mid === undefined ? [] : [[ids.mid, new TextEncoder().encode(mid)]];
  const { transportSequence, absoluteSendTime } = ids;
  if (transportSequence === undefined && absoluteSendTime === undefined) {
    const same = fixed.length > 0 ? new Map(fixed) : undefined;
    return () => same;
  }
  return (nowMs) => {
    const values = new Map(fixed);
    if (absoluteSendTime !== undefined) values.set(absoluteSendTime, sendTime(nowMs));
    if (transportSequence !== undefined) {
      const { next } = numbers;
      values.set(transportSequence, Uint8Array.of(next >> 8, next & 0xff));
      numbers.next = (next + 1) & 0xffff;
    }
    return values;
  };
}

function sendTime(nowMs: number): Uint8Array {
  const value = Math.floor((nowMs / 1000) * 2 ** 18) % 2 ** 24;
  return Uint8Array.of(value >> 16, (value >> 8) & 0xff, value & 0xff);
}

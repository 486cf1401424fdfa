/**
 * The header extension of recordings that a camera replays: the UTC of each packet.
 * In: RTP packets. Out: time and flags. Pure. ONVIF Streaming Specification 6.3 (RTP header extension).
 */

/** Profile of the extension, and its length in words. */
const PROFILE = 0xabac;
const WORDS = 3;
const HEADER_BYTES = 12;
/** Seconds from 1900 to 1970. */
const NTP_EPOCH_S = 2_208_988_800;

/** The extension of one packet. */
export interface ReplayTime {
  /** Of the access unit, ms since 1970 with a fraction. */
  readonly utcMs: number;
  /** The access unit is a synchronization point, such as a key frame. */
  readonly isClean: boolean;
  /** The last packet of a stretch without gaps. */
  readonly isEnd: boolean;
  /** The recording has a gap before this packet. */
  readonly isDiscontinuous: boolean;
  /** Nothing follows: the end of the requested range or of the recording. */
  readonly isLast: boolean;
}

/** Reads the extension; undefined for a packet that has none or ends early. */
export function parseReplayTime(packet: Uint8Array): ReplayTime | undefined {
  if (packet.length < HEADER_BYTES || (packet[0]! & 0xd0) !== 0x90) return undefined;
  const at = HEADER_BYTES + 4 * (packet[0]! & 0x0f);
  if (packet.length < at + 4 + 4 * WORDS) return undefined;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  // Another extension may follow within the same block: it is longer then.
  if (view.getUint16(at) !== PROFILE || view.getUint16(at + 2) < WORDS) return undefined;
  const seconds = view.getUint32(at + 4);
  const flags = packet[at + 12]!;
  return {
    utcMs: (seconds - NTP_EPOCH_S + view.getUint32(at + 8) / 2 ** 32) * 1000,
    isClean: (flags & 0x80) !== 0,
    isEnd: (flags & 0x40) !== 0,
    isDiscontinuous: (flags & 0x20) !== 0,
    isLast: (flags & 0x10) !== 0,
  };
}

/** Adds the extension to a packet that has none and no contributing sources. Used by the camera of tests. */
export function addReplayTime(packet: Uint8Array, time: ReplayTime): Uint8Array {
  const block = new Uint8Array(4 + 4 * WORDS);
  const view = new DataView(block.buffer);
  const seconds = Math.floor(time.utcMs / 1000);
  view.setUint16(0, PROFILE);
  view.setUint16(2, WORDS);
  view.setUint32(4, seconds + NTP_EPOCH_S);
  view.setUint32(8, Math.min(2 ** 32 - 1, Math.round((time.utcMs / 1000 - seconds) * 2 ** 32)));
  const bits = [time.isClean, time.isEnd, time.isDiscontinuous, time.isLast];
  block[12] = bits.reduce((sum, bit, i) => sum | (bit ? 0x80 >> i : 0), 0);
  const extended = new Uint8Array(packet.length + block.length);
  extended.set(packet.subarray(0, HEADER_BYTES));
  extended[0]! |= 0x10;
  extended.set(block, HEADER_BYTES);
  extended.set(packet.subarray(HEADER_BYTES), HEADER_BYTES + block.length);
  return extended;
}

/**
 * Opus packets: their duration, and the control header before each in MPEG-TS.
 * In: bytes. Out: samples, lengths; or the header's bytes. RFC 6716, 3.1 and 3.2; ETSI TS 103 491 (Opus in
 * MPEG-TS), opus_control_header.
 */

/** Hz; Opus counts in nothing else. */
export const OPUS_RATE = 48_000;
/** Most samples of a packet: 120 ms (RFC 6716, 3.2.5). */
const MAX_SAMPLES = 5760;
/** No packet of up to 255 streams is near this. */
const MAX_PACKET_BYTES = 16_384;

/** Samples of one frame by the configuration number: SILK, hybrid, CELT (table 2). */
function frameSamples(config: number): number {
  if (config < 12) return [480, 960, 1920, 2880][config & 3]!;
  if (config < 16) return [480, 960][config & 1]!;
  return [120, 240, 480, 960][config & 3]!;
}

/**
 * Samples at 48 kHz that a packet gives, or undefined if it is malformed.
 *
 * @param bytes the packet begins at `at`
 */
export function opusSamples(bytes: Uint8Array, at = 0, end: number = bytes.length): number | undefined {
  const toc = bytes[at];
  if (toc === undefined || at >= end) return undefined;
  const code = toc & 3;
  if (code === 3 && at + 1 >= end) return undefined;
  const frames = code === 0 ? 1 : code === 3 ? bytes[at + 1]! & 0x3f : 2;
  const samples = frames * frameSamples(toc >> 3);
  return samples > 0 && samples <= MAX_SAMPLES ? samples : undefined;
}

/** The control header before a packet in MPEG-TS. */
interface OpusControl {
  readonly headerBytes: number;
  /** Of the packet behind the header. */
  readonly packetBytes: number;
  /** Samples at the start and end of the packet that are not to be heard. */
  readonly startTrim: number;
  readonly endTrim: number;
}

/**
 * Parses an opus_control_header; undefined if there is none, `short` if it ends after `end`.
 */
export function parseOpusControl(bytes: Uint8Array, at: number, end: number): OpusControl | 'short' | undefined {
  if (at + 2 > end) return bytes[at] === 0x7f && at < end ? 'short' : undefined;
  const flags = bytes[at + 1]!;
  if (bytes[at] !== 0x7f || (flags & 0xe0) !== 0xe0) return undefined;
  let to = at + 2;
  let packetBytes = 0;
  for (let more = true; more; ) {
    if (to >= end) return 'short';
    more = bytes[to] === 0xff;
    packetBytes += bytes[to++]!;
    if (packetBytes > MAX_PACKET_BYTES) return undefined;
  }
  const trims: number[] = [];
  for (const flag of [0x10, 0x08]) {
    const told = (flags & flag) !== 0;
    if (told && to + 2 > end) return 'short';
    trims.push(told ? ((bytes[to]! << 8) | bytes[to + 1]!) & 0x1fff : 0);
    if (told) to += 2;
  }
  if ((flags & 0x04) !== 0) {
    if (to >= end) return 'short';
    to += 1 + bytes[to]!; // control_extension
  }
  if (packetBytes === 0) return undefined;
  return { headerBytes: to - at, packetBytes, startTrim: trims[0]!, endTrim: trims[1]! };
}

/**
 * Prints the control header before a packet in MPEG-TS, without trims.
 *
 * @param bytes of the packet, 1 or more
 */
export function printOpusControl(bytes: number): Uint8Array {
  const full = Math.floor(bytes / 255);
  const header = new Uint8Array(2 + full + 1).fill(0xff, 2);
  header.set([0x7f, 0xe0]);
  header[header.length - 1] = bytes % 255;
  return header;
}

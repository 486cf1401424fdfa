/**
 * Headers of FLAC frames.
 * In: bytes. Out: samples, sample rate, channels. RFC 9639, 9.1; the checksums: 9.1.8 and 9.3.
 */

/** A header; where the frame refers to STREAMINFO, its field is undefined. */
interface FlacFrameHeader {
  readonly headerBytes: number;
  /** Samples of each channel, 1 to 65,535. */
  readonly samples: number;
  /** Hz. */
  readonly sampleRate: number | undefined;
  /** 1 to 8 */
  readonly channels: number;
  /** Bits per sample. */
  readonly bitDepth: number | undefined;
}

/** Hz by code, 1 to 11 (table 15). */
export const FLAC_RATES: readonly number[] = [
  ...[0, 88_200, 176_400, 192_000, 8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000],
];
const RATE_KHZ = 12;
const RATE_HZ = 13;
const RATE_TEN_HZ = 14;
/** Bits per sample by code (table 17). */
export const FLAC_DEPTHS: readonly number[] = [0, 8, 12, -1, 16, 20, 24, 32];
const BLOCK_IN_8_BITS = 6;
const BLOCK_IN_16_BITS = 7;
/** Independent channels, then left and side, side and right, mid and side. */
const LAST_CHANNELS = 10;
const INDEPENDENT = 8;
const MOST_SAMPLES = 65_535;

/**
 * Parses a frame header; undefined if there is none, it ends after `end`, or its checksum is wrong.
 *
 * @param bytes the frame begins at `at`
 */
export function parseFlacFrameHeader(
  bytes: Uint8Array,
  at = 0,
  end: number = bytes.length,
): FlacFrameHeader | undefined {
  // Two bytes of sync code, two of codes, one of the number, and the checksum.
  if (at + 6 > end || bytes[at] !== 0xff || (bytes[at + 1]! & 0xfe) !== 0xf8) return undefined;
  const [block, rate] = [bytes[at + 2]! >> 4, bytes[at + 2]! & 15];
  const [layout, depth] = [bytes[at + 3]! >> 4, (bytes[at + 3]! >> 1) & 7];
  if (block === 0 || rate === 15 || layout > LAST_CHANNELS || FLAC_DEPTHS[depth]! < 0) return undefined;
  const number = numberBytes(bytes[at + 4]!);
  if (number === undefined || (bytes[at + 3]! & 1) !== 0) return undefined;
  const blockAt = at + 4 + number;
  const rateAt = blockAt + (block === BLOCK_IN_8_BITS ? 1 : block === BLOCK_IN_16_BITS ? 2 : 0);
  const sumAt = rateAt + (rate === RATE_KHZ ? 1 : rate === RATE_HZ || rate === RATE_TEN_HZ ? 2 : 0);
  if (sumAt >= end || flacCrc8(bytes, at, sumAt) !== bytes[sumAt]) return undefined;
  const samples = samplesOf(block, bytes, blockAt);
  if (samples > MOST_SAMPLES) return undefined;
  return {
    headerBytes: sumAt + 1 - at,
    samples,
    sampleRate: rateOf(rate, bytes, rateAt),
    channels: layout < INDEPENDENT ? layout + 1 : 2,
    bitDepth: FLAC_DEPTHS[depth] || undefined,
  };
}

/** Length of a number by its first byte, as UTF-8 extended to 36 bits; undefined if no number begins so. */
function numberBytes(first: number): number | undefined {
  const ones = Math.clz32(~(first << 24));
  return ones === 0 ? 1 : ones === 1 || ones === 8 ? undefined : ones;
}

function samplesOf(code: number, bytes: Uint8Array, at: number): number {
  if (code === 1) return 192;
  if (code < BLOCK_IN_8_BITS) return 144 << code;
  if (code === BLOCK_IN_8_BITS) return bytes[at]! + 1;
  return code === BLOCK_IN_16_BITS ? ((bytes[at]! << 8) | bytes[at + 1]!) + 1 : 1 << code;
}

function rateOf(code: number, bytes: Uint8Array, at: number): number | undefined {
  if (code === RATE_KHZ) return bytes[at]! * 1000;
  const written = (bytes[at]! << 8) | bytes[at + 1]!;
  return code === RATE_HZ ? written : code === RATE_TEN_HZ ? written * 10 : FLAC_RATES[code] || undefined;
}

/** Checksum of a header: polynomial x^8 + x^2 + x + 1. */
export function flacCrc8(bytes: Uint8Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) {
    sum ^= bytes[i]!;
    for (let bit = 0; bit < 8; bit++) sum = ((sum << 1) ^ (sum & 0x80 ? 0x07 : 0)) & 0xff;
  }
  return sum;
}

/** Checksum of a frame: polynomial x^16 + x^15 + x^2 + 1. */
export function flacCrc16(bytes: Uint8Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) {
    sum ^= bytes[i]! << 8;
    for (let bit = 0; bit < 8; bit++) sum = ((sum << 1) ^ (sum & 0x8000 ? 0x8005 : 0)) & 0xffff;
  }
  return sum;
}

/**
 * The AVC decoder configuration record: H.264 parameter sets as ISO BMFF carries them.
 * In: SPS and PPS NAL units, or the body of an `avcC` box. Out: the record, its parts, a VideoConfig.
 * ISO/IEC 14496-15, 5.3.3.1.
 */
import { ByteReader } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import type { VideoConfig } from '../frame.ts';
import { type H264Sps, parseH264Sps } from './sps.ts';

/** Content of an `avcC`. */
interface AvcC {
  /** Bytes of the length before each NAL unit: 1, 2 or 4. */
  readonly lengthSize: number;
  /** NAL units with their header; views of the record. */
  readonly sps: readonly Uint8Array[];
  readonly pps: readonly Uint8Array[];
}

function firstSps(sps: readonly Uint8Array[]): H264Sps {
  const first = sps[0];
  if (!first) throw new FormatError('no H.264 SPS', 0);
  return parseH264Sps(first);
}

function print(sps: readonly Uint8Array[], pps: readonly Uint8Array[], first: H264Sps): Uint8Array {
  if (sps.length > 31 || pps.length < 1 || pps.length > 255) {
    throw new FormatError(`${sps.length} SPS and ${pps.length} PPS do not fit an avcC`, 0);
  }
  const out = [1, first.profile, first.constraints, first.level, 0xfc | 3, 0xe0 | sps.length];
  const append = (nal: Uint8Array) => {
    if (nal.length > 0xffff) throw new FormatError('a parameter set of more than 64 KiB', 0);
    out.push(nal.length >> 8, nal.length & 0xff, ...nal);
  };
  sps.forEach(append);
  out.push(pps.length);
  pps.forEach(append);
  if (![66, 77, 88].includes(first.profile)) {
    out.push(0xfc | first.chromaFormat, 0xf8 | (first.bitDepthLuma - 8), 0xf8 | (first.bitDepthChroma - 8), 0);
  }
  return Uint8Array.from(out);
}

/**
 * Reads the body of an `avcC` box.
 *
 * @throws FormatError if it is of another version, ends early or has no SPS
 */
export function parseAvcC(record: Uint8Array): AvcC {
  const reader = new ByteReader(record, 'avcC');
  if (reader.u8() !== 1) throw new FormatError('avcC of an unknown version', 0);
  reader.skip(3);
  const lengthSize = (reader.u8() & 3) + 1;
  if (lengthSize === 3) throw new FormatError('avcC with lengths of 3 bytes', 4);
  const take = (count: number) => Array.from({ length: count }, () => reader.take(reader.u16()));
  const sps = take(reader.u8() & 0x1f);
  const pps = take(reader.u8());
  if (sps.length === 0) throw new FormatError('avcC without an SPS', 5);
  return { lengthSize, sps, pps };
}

/**
 * The RFC 6381 codec string, e.g. `avc1.64001f`.
 */
export function h264Codecs(sps: Pick<H264Sps, 'profile' | 'constraints' | 'level'>): string {
  const hex = (byte: number) => byte.toString(16).padStart(2, '0');
  return `avc1.${hex(sps.profile)}${hex(sps.constraints)}${hex(sps.level)}`;
}

/**
 * The configuration of a track from its parameter sets; its record is the body of an `avcC` box with lengths
 * of 4 bytes.
 *
 * @param sps 1 to 31 NAL units with their header, each under 64 KiB; the first one gives profile, level, size
 *   and frame rate
 * @param pps 1 to 255 NAL units with their header
 * @throws FormatError if there are too few or too many, or the first SPS cannot be read
 */
export function h264Config(sps: readonly Uint8Array[], pps: readonly Uint8Array[]): VideoConfig {
  const first = firstSps(sps);
  const { width, height, frameRate } = first;
  const config = { codec: 'h264', record: print(sps, pps, first), codecs: h264Codecs(first), width, height } as const;
  return frameRate === undefined ? config : { ...config, frameRate };
}

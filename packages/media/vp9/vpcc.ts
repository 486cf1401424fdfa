/**
 * The VP codec configuration record, for VP9.
 * In: the body of a `vpcC` box, its version and flags included. Out: the codec string, and what Matroska says
 * instead. Pure. VP Codec ISO Media File Format Binding, 1.0, "VP Codec Configuration Box" and
 * "Codecs Parameter String"; WebM Container Guidelines, VP9 Codec Feature Metadata.
 */
import { ByteReader } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import type { Colours } from '../h264/vui.ts';

/** Fields of a record. */
interface VpcC {
  /** 0 to 3. */
  readonly profile: number;
  /** Ten times the level, e.g. 31; 0 where the encoder did not say. */
  readonly level: number;
  /** 8, 10 or 12. */
  readonly bitDepth: number;
  /** 0 and 1 are 4:2:0, 2 is 4:2:2, 3 is 4:4:4. */
  readonly chromaSubsampling: number;
  /** Undefined in a record that ends before them. */
  readonly colours: Colours | undefined;
  readonly fullRange: boolean;
}

/** Largest picture of each level, luma samples (VP9 levels). */
const LEVELS: readonly (readonly [level: number, samples: number])[] = [
  [10, 36_864],
  [11, 73_728],
  [20, 122_880],
  [21, 245_760],
  [30, 552_960],
  [31, 983_040],
  [40, 2_228_224],
  [50, 8_912_896],
  [60, 35_651_584],
];
const LARGEST_LEVEL = 62;

/**
 * Reads a record.
 *
 * @param record body of a `vpcC` with its version and flags
 * @throws FormatError if it ends early, is of another version than 1, or says what VP9 does not have
 */
export function parseVpcC(record: Uint8Array): VpcC {
  const reader = new ByteReader(record, "'vpcC'");
  if (reader.u8() !== 1) throw new FormatError('vpcC of an unknown version', 0);
  reader.skip(3);
  const profile = reader.u8();
  const level = reader.u8();
  const packed = reader.u8();
  const bitDepth = packed >> 4;
  const chromaSubsampling = (packed >> 1) & 7;
  if (profile > 3 || ![8, 10, 12].includes(bitDepth) || chromaSubsampling > 3) {
    throw new FormatError(`vpcC with profile ${profile} and ${bitDepth} bits`, 4);
  }
  const colours =
    record.length < 10 ? undefined : { primaries: reader.u8(), transfer: reader.u8(), matrix: reader.u8() };
  return { profile, level, bitDepth, chromaSubsampling, colours, fullRange: (packed & 1) === 1 };
}

/**
 * The RFC 6381 codec string, e.g. `vp09.00.31.08`. Where the record has no level, browsers would refuse the
 * string: then it is the least one that has room for the picture.
 *
 * @param record body of a `vpcC` with its version and flags
 * @param width luma samples
 * @throws FormatError as parseVpcC
 */
export function vp9Codecs(record: Uint8Array, width: number, height: number): string {
  const { profile, level, bitDepth } = parseVpcC(record);
  const fitting = LEVELS.find(([, samples]) => width * height <= samples)?.[0] ?? LARGEST_LEVEL;
  return `vp09.${[profile, level || fitting, bitDepth].map((value) => String(value).padStart(2, '0')).join('.')}`;
}

/**
 * The same as CodecPrivate of Matroska and WebM: profile, level, bit depth and chroma subsampling, each
 * behind its number and length.
 *
 * @throws FormatError as parseVpcC
 */
export function vp9Features(record: Uint8Array): Uint8Array {
  const { profile, level, bitDepth, chromaSubsampling } = parseVpcC(record);
  return Uint8Array.from([profile, level, bitDepth, chromaSubsampling].flatMap((value, i) => [i + 1, 1, value]));
}

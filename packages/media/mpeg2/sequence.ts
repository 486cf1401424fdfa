/**
 * Headers of MPEG-1 and MPEG-2 video: size, rate and shape of a sequence, type and field of a picture.
 * In: bytes after a start code prefix, from the start code value on. Out: fields. Pure. ISO/IEC 13818-2,
 * 6.2.2, 6.2.3 and 6.3.
 */
import { BitReader } from '../bits.ts';
import { FormatError } from '../errors.ts';
import type { VideoConfig } from '../frame.ts';

/** Start code values (table 6-1). Slices are 0x01 to 0xaf. */
export const MPEG2_CODE = {
  picture: 0x00,
  lastSlice: 0xaf,
  sequence: 0xb3,
  extension: 0xb5,
  end: 0xb7,
  group: 0xb8,
} as const;

/** Frames per second by frame_rate_code (table 6-4). */
const RATES: readonly number[] = [0, 24_000 / 1001, 24, 25, 30_000 / 1001, 30, 50, 60_000 / 1001, 60];
/**
 * Width of the picture divided by its height by aspect_ratio_information (table 6-3); 0: samples are square.
 */
const ASPECTS: readonly number[] = [0, 0, 4 / 3, 16 / 9, 2.21];
/** Size, aspect and rate are in the first bytes. */
const RECORD_BYTES = 4;
const PICTURE_CODING_EXTENSION = 8;
const MOST_SIDE = 4095;

/**
 * The configuration of a sequence. Its record is the size, aspect and rate as the header has them: what else
 * a header says (matrices, bit rate) may differ from group to group, and is in the samples.
 *
 * @param header with its start code value
 * @throws FormatError if it is no sequence header, ends early, or has no picture
 */
export function mpeg2Config(header: Uint8Array): VideoConfig {
  const bits = new BitReader(header, 'MPEG-2 sequence header');
  if (bits.u(8) !== MPEG2_CODE.sequence) throw new FormatError('not an MPEG-2 sequence header', 0);
  const width = bits.u(12);
  const height = bits.u(12);
  bits.skip(4); // aspect_ratio_information
  const frameRate = RATES[bits.u(4)] ?? 0;
  if (width === 0 || height === 0) throw new FormatError('MPEG-2 sequence without a picture', 1);
  const record = header.slice(1, 1 + RECORD_BYTES);
  const config = { codec: 'mpeg2', record, codecs: 'mp4v.61', width, height } as const;
  return frameRate > 0 ? { ...config, frameRate } : config;
}

/** The size with square samples. @param config of `mpeg2Config` */
export function mpeg2DisplaySize({ record, width, height }: Pick<VideoConfig, 'record' | 'width' | 'height'>): {
  width: number;
  height: number;
} {
  const aspect = ASPECTS[(record[RECORD_BYTES - 1] ?? 0) >> 4] ?? 0;
  return aspect > 0 ? { width: Math.min(MOST_SIDE, Math.round(height * aspect)), height } : { width, height };
}

/** A sample as a stream again: with a start code in place of each length. The sample is not changed. */
export function mpeg2Stream(sample: Uint8Array): Uint8Array {
  const stream = sample.slice();
  const view = new DataView(stream.buffer, stream.byteOffset, stream.length);
  for (let at = 0; at + 4 <= stream.length; ) {
    const length = view.getUint32(at);
    view.setUint32(at, 1);
    at += 4 + length;
  }
  return stream;
}

/** The head of a picture. */
interface Mpeg2Picture {
  /** Position in its group in the order of display. */
  readonly temporalReference: number;
  /** picture_coding_type. */
  readonly type: 'I' | 'P' | 'B' | 'other';
}

/**
 * Reads a picture header.
 *
 * @param at offset of its start code value
 * @returns undefined if there is none, or it ends early
 */
export function parseMpeg2Picture(bytes: Uint8Array, at: number, end: number): Mpeg2Picture | undefined {
  if (at + 3 > end || bytes[at] !== MPEG2_CODE.picture) return undefined;
  const type = (bytes[at + 2]! >> 3) & 7;
  return {
    temporalReference: (bytes[at + 1]! << 2) | (bytes[at + 2]! >> 6),
    type: type === 1 ? 'I' : type === 2 ? 'P' : type === 3 ? 'B' : 'other',
  };
}

/**
 * picture_structure of a picture coding extension: which field it is; undefined of a frame, of other
 * extensions and where there is none.
 *
 * @param at offset of its start code value
 */
export function mpeg2FieldOf(bytes: Uint8Array, at: number): 'top' | 'bottom' | undefined {
  if (at + 4 > bytes.length || bytes[at] !== MPEG2_CODE.extension) return undefined;
  if (bytes[at + 1]! >> 4 !== PICTURE_CODING_EXTENSION) return undefined;
  const structure = bytes[at + 3]! & 3; // after the identifier, four f_codes and intra_dc_precision
  return structure === 1 ? 'top' : structure === 2 ? 'bottom' : undefined;
}

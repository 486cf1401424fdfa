/**
 * The uncompressed header of a VP9 frame: key frames, their size, and the configuration that follows.
 * In: a frame or superframe. Out: fields, a VideoConfig. Pure. VP9 Bitstream, 6.2 and 7.2; VP Codec ISO Media
 * File Format Binding.
 */
import { BitReader } from '../bits.ts';
import { FormatError } from '../errors.ts';
import type { VideoConfig } from '../frame.ts';
import { vp9Codecs } from './vpcc.ts';

const SYNC_CODE = 0x498342;
const RGB = 7;
const MAX_HEADER_BYTES = 32;

/** Fields of the header of a key frame. */
interface Vp9KeyFrame {
  readonly profile: number;
  /** 8, 10 or 12. */
  readonly bitDepth: number;
  /** As in `vpcC`: 1 is 4:2:0, 2 is 4:2:2, 3 is 4:4:4. */
  readonly chromaSubsampling: number;
  readonly isFullRange: boolean;
  /** Luma samples. */
  readonly width: number;
  readonly height: number;
}

/**
 * The header of a key frame; undefined for other frames.
 *
 * @throws FormatError if it ends early or is not VP9
 */
export function parseVp9KeyFrame(frame: Uint8Array): Vp9KeyFrame | undefined {
  const bits = new BitReader(frame, 'VP9 frame', 0, Math.min(frame.length, MAX_HEADER_BYTES));
  if (bits.u(2) !== 2) throw new FormatError('a VP9 frame without its marker', 0);
  const profile = bits.u(1) | (bits.u(1) << 1);
  if (profile === 3) bits.skip(1);
  if (bits.flag()) return undefined; // show_existing_frame
  if (bits.u(1) !== 0) return undefined; // frame_type
  bits.skip(2);
  if (bits.u(24) !== SYNC_CODE) throw new FormatError('a VP9 key frame without its sync code', 1);
  const bitDepth = profile < 2 ? 8 : bits.flag() ? 12 : 10;
  const isRgb = bits.u(3) === RGB;
  const isFullRange = isRgb || bits.flag();
  const isOdd = (profile & 1) === 1;
  const [x, y] = isRgb ? [0, 0] : isOdd ? [bits.u(1), bits.u(1)] : [1, 1];
  if (isOdd) bits.skip(1);
  const chromaSubsampling = x === 1 ? (y === 1 ? 1 : 2) : 3;
  const width = bits.u(16) + 1;
  return { profile, bitDepth, chromaSubsampling, isFullRange, width, height: bits.u(16) + 1 };
}

/**
 * The configuration of a track from a key frame.
 *
 * @param record body of a `vpcC` with version and flags, if the container has one; otherwise one is made
 * @throws FormatError if the record is malformed
 */
export function vp9Config(frame: Vp9KeyFrame, record: Uint8Array | undefined): VideoConfig {
  const { profile, bitDepth, chromaSubsampling, isFullRange, width, height } = frame;
  const packed = (bitDepth << 4) | (chromaSubsampling << 1) | Number(isFullRange);
  const unspecified = 2; // colour primaries, transfer, matrix
  const defaults = [1, 0, 0, 0, profile, 0, packed, unspecified, unspecified, unspecified, 0, 0];
  const used = record ?? Uint8Array.from(defaults);
  return { codec: 'vp9', record: used, codecs: vp9Codecs(used, width, height), width, height };
}

/**
 * The start of video usability information, which H.264 and HEVC share.
 * In: bits of an SPS. Out: the colours. ITU-T H.264, E.1.1; H.265, E.2.1. Pure.
 */
import type { BitReader } from '../../lib/bits.ts';

/** How the values of samples become colours: code points of ISO/IEC 23091-2, 2 where it is not said. */
export interface Colours {
  readonly primaries: number;
  /** 16 is PQ, 18 is HLG. */
  readonly transfer: number;
  readonly matrix: number;
}

/** Reads aspect ratio, overscan, colours and the place of the chroma samples. */
export function parseVuiPicture(bits: BitReader): { colours?: Colours } {
  if (bits.flag() && bits.u(8) === 255) bits.skip(32); // sample aspect ratio
  if (bits.flag()) bits.skip(1); // overscan
  let colours: Colours | undefined;
  if (bits.flag()) {
    bits.skip(4); // video_format, full range
    if (bits.flag()) colours = { primaries: bits.u(8), transfer: bits.u(8), matrix: bits.u(8) };
  }
  if (bits.flag()) {
    bits.ue(); // chroma_sample_loc_type_top_field
    bits.ue();
  }
  return colours ? { colours } : {};
}

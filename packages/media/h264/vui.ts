/**
 * The start of video usability information, which H.264 and HEVC share.
 * In: bits of an SPS. Out: the colours, the shape of a sample. ITU-T H.264, E.1.1; H.265, E.2.1. Pure.
 */
import type { BitReader } from '../bits.ts';

/** How the values of samples become colours: code points of ISO/IEC 23091-2, 2 where it is not said. */
export interface Colours {
  readonly primaries: number;
  /** 16 is PQ, 18 is HLG. */
  readonly transfer: number;
  readonly matrix: number;
}

/** The fields that are read. */
interface VuiPicture {
  colours?: Colours;
  /** Samples use the full range; absent where they do not, or it is not said. */
  fullRange?: true;
  /** Width of a sample divided by its height; absent where it is not known, or 1. */
  sampleAspect?: number;
}

/** Sample aspect ratios by aspect_ratio_idc (table E-1). */
const ASPECTS: readonly (readonly [width: number, height: number])[] = [
  [0, 0],
  [1, 1],
  [12, 11],
  [10, 11],
  [16, 11],
  [40, 33],
  [24, 11],
  [20, 11],
  [32, 11],
  [80, 33],
  [18, 11],
  [15, 11],
  [64, 33],
  [160, 99],
  [4, 3],
  [3, 2],
  [2, 1],
];
const EXTENDED_ASPECT = 255;

/** Reads aspect ratio, overscan, colours and the place of the chroma samples. */
export function parseVuiPicture(bits: BitReader): VuiPicture {
  const picture: VuiPicture = {};
  const sampleAspect = bits.flag() ? parseAspect(bits) : undefined;
  if (sampleAspect !== undefined) picture.sampleAspect = sampleAspect;
  if (bits.flag()) bits.skip(1); // overscan
  if (bits.flag()) {
    bits.skip(3); // video_format
    if (bits.flag()) picture.fullRange = true;
    if (bits.flag()) picture.colours = { primaries: bits.u(8), transfer: bits.u(8), matrix: bits.u(8) };
  }
  if (bits.flag()) {
    bits.ue(); // chroma_sample_loc_type_top_field
    bits.ue();
  }
  return picture;
}

function parseAspect(bits: BitReader): number | undefined {
  const idc = bits.u(8);
  const [width, height] = idc === EXTENDED_ASPECT ? [bits.u(16), bits.u(16)] : (ASPECTS[idc] ?? [0, 0]);
  return width > 0 && height > 0 && width !== height ? width / height : undefined;
}

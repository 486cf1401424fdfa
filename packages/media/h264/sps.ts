/**
 * H.264 sequence parameter set: profile, picture size, frame rate, reordering, colours.
 * In: one SPS NAL unit. Out: values for the container. ITU-T H.264, 7.3.2.1.1 and E.1.1.
 */
import { BitReader } from '../bits.ts';
import { FormatError } from '../errors.ts';
import { toRbsp } from './annexb.ts';
import { type Colours, parseVuiPicture } from './vui.ts';

/** The fields of an SPS that matter outside a decoder. */
export interface H264Sps {
  /** seq_parameter_set_id, 0 to 31. */
  readonly id: number;
  readonly profile: number;
  /** The byte of constraint_set flags. */
  readonly constraints: number;
  /** level_idc, e.g. 31 for level 3.1. */
  readonly level: number;
  /** chroma_format_idc: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4. */
  readonly chromaFormat: number;
  /** Bits per sample. */
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** Luma samples, after cropping. */
  readonly width: number;
  readonly height: number;
  /** frame_mbs_only_flag: no fields. */
  readonly progressive: boolean;
  /** mb_adaptive_frame_field_flag: its frames may have pairs of macroblocks that are fields. */
  readonly adaptive: boolean;
  /** separate_colour_plane_flag. */
  readonly separatePlanes: boolean;
  /** Bits of frame_num in slice headers. */
  readonly frameNumBits: number;
  /** Bits of pic_order_cnt_lsb in slice headers; 0 where there is none. */
  readonly orderBits: number;
  /** Slice headers have delta_pic_order_cnt: type 1 without delta_pic_order_always_zero_flag. */
  readonly hasOrderDeltas?: true;
  /** Frames per second from the VUI, if it has timing and it is between 1 and 1000. */
  readonly frameRate?: number;
  /** max_num_reorder_frames from the VUI, if it says so. */
  readonly maxReorderFrames?: number;
  /** From the VUI, if it says so. */
  readonly colours?: Colours;
  /** Samples use the full range; absent where they do not, or it is not said. */
  readonly fullRange?: true;
  /**
   * Width of a sample divided by its height, from the VUI; absent where it says nothing, or that samples are
   * square.
   */
  readonly sampleAspect?: number;
  /** Picture timing SEI messages have pic_struct: bits of the delays before it. */
  readonly pictureStructAfter?: number;
}

/** The fields of a VUI. */
type Vui = Pick<
  Writable<H264Sps>,
  'frameRate' | 'maxReorderFrames' | 'colours' | 'fullRange' | 'sampleAspect' | 'pictureStructAfter'
>;
type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
const MAX_SIZE = 16_384;

/**
 * Reads a sequence parameter set.
 *
 * @param nal with its header byte, with emulation prevention
 * @throws FormatError if it is not an SPS, ends early or has fields out of range
 */
export function parseH264Sps(nal: Uint8Array): H264Sps {
  if (nal.length < 4 || (nal[0]! & 0x1f) !== 7) throw new FormatError('not an H.264 SPS', 0);
  const bits = new BitReader(toRbsp(nal, 1), 'H.264 SPS');
  const profile = bits.u(8);
  const constraints = bits.u(8);
  const level = bits.u(8);
  const id = bits.ueMax(31, 'seq_parameter_set_id');
  let chromaFormat = 1;
  let bitDepthLuma = 8;
  let bitDepthChroma = 8;
  let separatePlanes = false;
  if (HIGH_PROFILES.has(profile)) {
    chromaFormat = bits.ueMax(3, 'chroma_format_idc');
    if (chromaFormat === 3) separatePlanes = bits.flag();
    bitDepthLuma = 8 + bits.ueMax(6, 'bit_depth_luma_minus8');
    bitDepthChroma = 8 + bits.ueMax(6, 'bit_depth_chroma_minus8');
    bits.skip(1); // qpprime_y_zero_transform_bypass_flag
    if (bits.flag()) skipScalingLists(bits, chromaFormat === 3 ? 12 : 8);
  }
  const frameNumBits = 4 + bits.ueMax(12, 'log2_max_frame_num_minus4');
  const { orderBits, hasOrderDeltas } = parsePicOrderCount(bits);
  bits.ueMax(32, 'max_num_ref_frames');
  bits.skip(1); // gaps_in_frame_num_value_allowed_flag
  const widthInMbs = bits.ueMax(MAX_SIZE / 16 - 1, 'pic_width_in_mbs_minus1') + 1;
  const heightInUnits = bits.ueMax(MAX_SIZE / 16 - 1, 'pic_height_in_map_units_minus1') + 1;
  const progressive = bits.flag();
  const adaptive = !progressive && bits.flag();
  bits.skip(1); // direct_8x8_inference_flag
  let width = widthInMbs * 16;
  let height = heightInUnits * 16 * (progressive ? 1 : 2);
  if (bits.flag()) {
    const array = separatePlanes ? 0 : chromaFormat;
    const unitX = array === 1 || array === 2 ? 2 : 1;
    const unitY = (array === 1 ? 2 : 1) * (progressive ? 1 : 2);
    width -= (bits.ue() + bits.ue()) * unitX;
    height -= (bits.ue() + bits.ue()) * unitY;
    if (width <= 0 || height <= 0) throw new FormatError('H.264 SPS crops the whole picture away', bits.offset >> 3);
  }
  const vui = bits.flag() ? parseVui(bits) : {};
  return {
    id,
    profile,
    constraints,
    level,
    chromaFormat,
    bitDepthLuma,
    bitDepthChroma,
    width,
    height,
    progressive,
    adaptive,
    separatePlanes,
    frameNumBits,
    orderBits,
    ...(hasOrderDeltas && { hasOrderDeltas }),
    ...vui,
  };
}

function skipScalingLists(bits: BitReader, lists: number): void {
  for (let i = 0; i < lists; i++) {
    if (!bits.flag()) continue;
    let last = 8;
    let next = 8;
    for (let k = 0; k < (i < 6 ? 16 : 64); k++) {
      if (next !== 0) next = (last + bits.se() + 256) % 256;
      if (next !== 0) last = next;
    }
  }
}

/** The form of picture order counts in slice headers. */
function parsePicOrderCount(bits: BitReader): Pick<H264Sps, 'orderBits' | 'hasOrderDeltas'> {
  const type = bits.ueMax(2, 'pic_order_cnt_type');
  if (type === 0) return { orderBits: 4 + bits.ueMax(12, 'log2_max_pic_order_cnt_lsb_minus4') };
  if (type !== 1) return { orderBits: 0 };
  const isAlwaysZero = bits.flag(); // delta_pic_order_always_zero_flag
  bits.se();
  bits.se();
  const cycle = bits.ueMax(255, 'num_ref_frames_in_pic_order_cnt_cycle');
  for (let i = 0; i < cycle; i++) bits.se();
  return isAlwaysZero ? { orderBits: 0 } : { orderBits: 0, hasOrderDeltas: true };
}

/** The VUI is advice: one that is cut short is as good as none, and must not cost the picture. */
function parseVui(bits: BitReader): Vui {
  const vui: Vui = {};
  try {
    Object.assign(vui, parseVuiPicture(bits));
    if (bits.flag()) {
      const unitsInTick = bits.u(32);
      const timeScale = bits.u(32);
      bits.skip(1); // fixed_frame_rate_flag
      const rate = timeScale / (2 * unitsInTick);
      if (rate >= 1 && rate <= 1000) vui.frameRate = rate;
    }
    const nalHrd = bits.flag() ? parseHrdDelays(bits) : undefined;
    const vclHrd = bits.flag() ? parseHrdDelays(bits) : undefined;
    const delays = nalHrd ?? vclHrd;
    if (delays !== undefined) bits.skip(1); // low_delay_hrd_flag
    if (bits.flag()) vui.pictureStructAfter = delays ?? 0; // pic_struct_present_flag
    if (bits.flag()) {
      bits.skip(1); // motion_vectors_over_pic_boundaries_flag
      for (let i = 0; i < 4; i++) bits.ue();
      vui.maxReorderFrames = bits.ueMax(16, 'max_num_reorder_frames');
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
  return vui;
}

/** Bits of cpb_removal_delay and dpb_output_delay in picture timing SEI messages. */
function parseHrdDelays(bits: BitReader): number {
  const count = bits.ueMax(31, 'cpb_cnt_minus1') + 1;
  bits.skip(8);
  for (let i = 0; i < count; i++) {
    bits.ue();
    bits.ue();
    bits.skip(1);
  }
  bits.skip(5); // initial_cpb_removal_delay_length_minus1
  const delays = bits.u(5) + 1 + bits.u(5) + 1;
  bits.skip(5); // time_offset_length
  return delays;
}

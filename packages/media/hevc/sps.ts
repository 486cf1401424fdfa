/**
 * HEVC sequence parameter set: profile, picture size, frame rate, reordering, colours.
 * In: one SPS NAL unit. Out: values for the container. ITU-T H.265, 7.3.2.2, 7.3.4, 7.3.7 and E.2.1.
 */
import { BitReader } from '../bits.ts';
import { FormatError } from '../errors.ts';
import { toRbsp } from '../h264/annexb.ts';
import { type Colours, parseVuiPicture } from '../h264/vui.ts';
import { type ProfileTierLevel, parseProfileTierLevel } from './profile-tier-level.ts';

/** The fields of an SPS that matter outside a decoder. */
export interface HevcSps {
  /** sps_seq_parameter_set_id, 0 to 15. */
  readonly id: number;
  readonly ptl: ProfileTierLevel;
  /** 1 to 7. */
  readonly temporalLayers: number;
  /** sps_temporal_id_nesting_flag. */
  readonly temporalIdNested: boolean;
  /** chroma_format_idc: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4. */
  readonly chromaFormat: number;
  /** Bits per sample. */
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** Luma samples, after the conformance window. */
  readonly width: number;
  readonly height: number;
  /** separate_colour_plane_flag. */
  readonly separatePlanes: boolean;
  /** Bits of slice_pic_order_cnt_lsb in slice headers. */
  readonly orderBits: number;
  /** sps_max_num_reorder_pics of the highest layer. */
  readonly maxReorderFrames: number;
  /** Frames per second from the VUI, if it has timing and it is between 1 and 1000. */
  readonly frameRate?: number;
  /** From the VUI, if it says so. */
  readonly colours?: Colours;
  /** Samples use the full range; absent where they do not, or it is not said. */
  readonly fullRange?: true;
  /** field_seq_flag: each picture is a field. */
  readonly fields?: true;
  /**
   * frame_field_info_present_flag: picture timing SEI messages begin with pic_struct and source_scan_type.
   */
  readonly saysScan?: true;
  /**
   * Width of a sample divided by its height, from the VUI; absent where it says nothing, or that samples are
   * square.
   */
  readonly sampleAspect?: number;
}

/** The fields of a VUI. */
type Vui = {
  -readonly [Name in 'frameRate' | 'colours' | 'fullRange' | 'fields' | 'saysScan' | 'sampleAspect']?: HevcSps[Name];
};

const MAX_SIZE = 16_384;

/**
 * Reads a sequence parameter set.
 *
 * @param nal with its two header bytes, with emulation prevention
 * @throws FormatError if it is not an SPS, ends early or has fields out of range
 */
export function parseHevcSps(nal: Uint8Array): HevcSps {
  if (nal.length < 4 || ((nal[0]! >> 1) & 0x3f) !== 33) throw new FormatError('not an HEVC SPS', 0);
  const bits = new BitReader(toRbsp(nal, 2), 'HEVC SPS');
  bits.skip(4); // sps_video_parameter_set_id
  const maxSubLayersMinus1 = bits.u(3);
  if (maxSubLayersMinus1 > 6) throw new FormatError('HEVC SPS with 8 sub-layers', 2);
  const temporalIdNested = bits.flag();
  const ptl = parseProfileTierLevel(bits, maxSubLayersMinus1);
  const id = bits.ueMax(15, 'sps_seq_parameter_set_id');
  const chromaFormat = bits.ueMax(3, 'chroma_format_idc');
  const separatePlanes = chromaFormat === 3 && bits.flag();
  let width = bits.ueMax(MAX_SIZE, 'pic_width_in_luma_samples');
  let height = bits.ueMax(MAX_SIZE, 'pic_height_in_luma_samples');
  if (bits.flag()) {
    const array = separatePlanes ? 0 : chromaFormat;
    width -= (bits.ue() + bits.ue()) * (array === 1 || array === 2 ? 2 : 1);
    height -= (bits.ue() + bits.ue()) * (array === 1 ? 2 : 1);
  }
  if (width <= 0 || height <= 0) throw new FormatError('HEVC SPS without a picture', bits.offset >> 3);
  const bitDepthLuma = 8 + bits.ueMax(8, 'bit_depth_luma_minus8');
  const bitDepthChroma = 8 + bits.ueMax(8, 'bit_depth_chroma_minus8');
  const pocBits = 4 + bits.ueMax(12, 'log2_max_pic_order_cnt_lsb_minus4');
  let maxReorderFrames = 0;
  for (let i = bits.flag() ? 0 : maxSubLayersMinus1; i <= maxSubLayersMinus1; i++) {
    bits.ue(); // sps_max_dec_pic_buffering_minus1
    maxReorderFrames = bits.ueMax(16, 'sps_max_num_reorder_pics');
    bits.ue(); // sps_max_latency_increase_plus1
  }
  const sps = {
    id,
    ptl,
    temporalLayers: maxSubLayersMinus1 + 1,
    temporalIdNested,
    chromaFormat,
    bitDepthLuma,
    bitDepthChroma,
    width,
    height,
    separatePlanes,
    orderBits: pocBits,
    maxReorderFrames,
  };
  return { ...sps, ...parseVui(bits, pocBits) };
}

/** Skips the fields before the VUI. The VUI is optional: if it is malformed, the rest of the SPS is used. */
function parseVui(bits: BitReader, pocBits: number): Vui {
  const vui: Vui = {};
  try {
    skipToVui(bits, pocBits);
    if (bits.flag()) readVui(bits, vui);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
  return vui;
}

function skipToVui(bits: BitReader, pocBits: number): void {
  for (let i = 0; i < 6; i++) bits.ue(); // coding block and transform block sizes, transform depths
  if (bits.flag() && bits.flag()) skipScalingLists(bits);
  bits.skip(2); // amp_enabled_flag, sample_adaptive_offset_enabled_flag
  if (bits.flag()) {
    bits.skip(8); // PCM bit depths
    bits.ue();
    bits.ue();
    bits.skip(1); // pcm_loop_filter_disabled_flag
  }
  skipShortTermSets(bits);
  if (bits.flag()) {
    const count = bits.ueMax(32, 'num_long_term_ref_pics_sps');
    bits.skip(count * (pocBits + 1));
  }
  bits.skip(2); // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
}

/** Skips scaling_list_data (7.3.4). */
export function skipScalingLists(bits: BitReader): void {
  for (let size = 0; size < 4; size++) {
    for (let matrix = 0; matrix < 6; matrix += size === 3 ? 3 : 1) {
      if (!bits.flag()) {
        bits.ue(); // scaling_list_pred_matrix_id_delta
        continue;
      }
      if (size > 1) bits.se(); // scaling_list_dc_coef_minus8
      const coefficients = Math.min(64, 1 << (4 + (size << 1)));
      for (let i = 0; i < coefficients; i++) bits.se();
    }
  }
}

function skipShortTermSets(bits: BitReader): void {
  const sets = bits.ueMax(64, 'num_short_term_ref_pic_sets');
  let previous = 0;
  for (let i = 0; i < sets; i++) {
    let deltas = 0;
    if (i > 0 && bits.flag()) {
      bits.skip(1); // delta_rps_sign
      bits.ue();
      for (let k = 0; k <= previous; k++) if (bits.flag() || bits.flag()) deltas++;
    } else {
      deltas = bits.ueMax(16, 'num_negative_pics') + bits.ueMax(16, 'num_positive_pics');
      for (let k = 0; k < deltas; k++) {
        bits.ue();
        bits.skip(1);
      }
    }
    previous = deltas;
  }
}

function readVui(bits: BitReader, vui: Vui): void {
  Object.assign(vui, parseVuiPicture(bits));
  bits.skip(1); // neutral_chroma_indication_flag
  if (bits.flag()) vui.fields = true;
  if (bits.flag()) vui.saysScan = true;
  if (bits.flag()) for (let i = 0; i < 4; i++) bits.ue(); // default display window
  if (!bits.flag()) return;
  const unitsInTick = bits.u(32);
  const rate = bits.u(32) / unitsInTick;
  if (rate >= 1 && rate <= 1000) vui.frameRate = rate;
}

/**
 * The fields of HEVC parameter sets that the length of slice segment headers depends on.
 * In: SPS and PPS NAL units. Out: those fields. Pure. ITU-T H.265, 7.3.2.2, 7.3.2.3 and 7.3.7.
 */
import { BitReader } from '../bits.ts';
import { FormatError } from '../errors.ts';
import { toRbsp } from '../h264/annexb.ts';
import { parseProfileTierLevel } from './profile-tier-level.ts';
import { skipScalingLists } from './sps.ts';

/** One picture of a short-term reference picture set. */
interface ReferencePicture {
  /** Its picture order count minus that of the current picture, not 0. */
  readonly delta: number;
  /** The current picture may use it. */
  readonly isUsed: boolean;
}

/** A short-term reference picture set: earlier pictures first, nearest first; then later ones. */
type ReferenceSet = readonly ReferencePicture[];

/** Fields of an SPS. */
export interface HevcHeaderSps {
  readonly id: number;
  readonly separatePlanes: boolean;
  /** ChromaArrayType is not 0. */
  readonly hasChroma: boolean;
  /** Bits of slice_segment_address. */
  readonly addressBits: number;
  /** Bits of slice_pic_order_cnt_lsb. */
  readonly orderBits: number;
  /** sample_adaptive_offset_enabled_flag. */
  readonly adaptiveOffset: boolean;
  /** 0 to 64. */
  readonly sets: readonly ReferenceSet[];
  /** used_by_curr_pic_lt_sps_flag of each; undefined without long-term pictures. */
  readonly longTerm: readonly boolean[] | undefined;
  /** sps_temporal_mvp_enabled_flag. */
  readonly temporalMotion: boolean;
}

/** Fields of a PPS. */
export interface HevcHeaderPps {
  readonly id: number;
  readonly spsId: number;
  readonly dependentSegments: boolean;
  readonly outputFlagPresent: boolean;
  /** num_extra_slice_header_bits. */
  readonly extraBits: number;
  readonly cabacInit: boolean;
  /** Default length of both lists, 1 to 16. */
  readonly references: readonly [number, number];
  /** pps_slice_chroma_qp_offsets_present_flag. */
  readonly chromaOffsets: boolean;
  readonly weightedPrediction: boolean;
  readonly weightedBiprediction: boolean;
  /** Tiles or wavefronts: slices have entry points. */
  readonly entryPoints: boolean;
  /** pps_loop_filter_across_slices_enabled_flag. */
  readonly filterAcrossSlices: boolean;
  readonly deblockingOverride: boolean;
  readonly deblockingDisabled: boolean;
  readonly listsModification: boolean;
  readonly headerExtension: boolean;
  /** chroma_qp_offset_list_enabled_flag. */
  readonly chromaOffsetLists: boolean;
}

const MAX_SIZE = 16_384;
/** Most pictures of a set (7.4.8). */
const MAX_PICTURES = 16;

/**
 * Reads a sequence parameter set.
 *
 * @param nal with its two header bytes, with emulation prevention
 * @throws FormatError if it ends early or has fields out of range
 */
export function parseHevcHeaderSps(nal: Uint8Array): HevcHeaderSps {
  const bits = new BitReader(toRbsp(nal, 2), 'HEVC SPS');
  bits.skip(4); // sps_video_parameter_set_id
  const subLayers = bits.u(3);
  if (subLayers > 6) throw new FormatError('HEVC SPS with 8 sub-layers', 2);
  bits.skip(1); // sps_temporal_id_nesting_flag
  parseProfileTierLevel(bits, subLayers);
  const id = bits.ueMax(15, 'sps_seq_parameter_set_id');
  const chroma = bits.ueMax(3, 'chroma_format_idc');
  const separatePlanes = chroma === 3 && bits.flag();
  const width = bits.ueMax(MAX_SIZE, 'pic_width_in_luma_samples');
  const height = bits.ueMax(MAX_SIZE, 'pic_height_in_luma_samples');
  if (bits.flag()) for (let i = 0; i < 4; i++) bits.ue(); // conformance window
  for (let i = 0; i < 2; i++) bits.ueMax(8, 'bit_depth_minus8');
  const orderBits = 4 + bits.ueMax(12, 'log2_max_pic_order_cnt_lsb_minus4');
  for (let i = bits.flag() ? 0 : subLayers; i <= subLayers; i++) for (let k = 0; k < 3; k++) bits.ue();
  const blockBits = 3 + bits.ueMax(3, 'log2_min_luma_coding_block_size_minus3');
  const treeBits = blockBits + bits.ueMax(3, 'log2_diff_max_min_luma_coding_block_size');
  for (let i = 0; i < 4; i++) bits.ue(); // transform block sizes and depths
  if (bits.flag() && bits.flag()) skipScalingLists(bits);
  bits.skip(1); // amp_enabled_flag
  const adaptiveOffset = bits.flag();
  if (bits.flag()) {
    bits.skip(8); // PCM bit depths
    bits.ue();
    bits.ue();
    bits.skip(1); // pcm_loop_filter_disabled_flag
  }
  const count = bits.ueMax(64, 'num_short_term_ref_pic_sets');
  const sets: ReferenceSet[] = [];
  while (sets.length < count) sets.push(parseReferenceSet(bits, sets, count));
  const longTerm = bits.flag() ? parseLongTerm(bits, orderBits) : undefined;
  const trees = Math.ceil(width / 2 ** treeBits) * Math.ceil(height / 2 ** treeBits);
  return {
    id,
    separatePlanes,
    hasChroma: chroma !== 0 && !separatePlanes,
    addressBits: trees > 1 ? Math.ceil(Math.log2(trees)) : 0,
    orderBits,
    adaptiveOffset,
    sets,
    longTerm,
    temporalMotion: bits.flag(),
  };
}

function parseLongTerm(bits: BitReader, orderBits: number): boolean[] {
  return Array.from({ length: bits.ueMax(32, 'num_long_term_ref_pics_sps') }, () => {
    bits.skip(orderBits);
    return bits.flag();
  });
}

/**
 * Reads st_ref_pic_set (7.3.7).
 *
 * @param sets those before it
 * @param count sets of the SPS; as many as `sets` for the set of a slice
 * @throws FormatError if it ends early or has fields out of range
 */
export function parseReferenceSet(bits: BitReader, sets: readonly ReferenceSet[], count: number): ReferenceSet {
  if (sets.length > 0 && bits.flag()) return predictSet(bits, sets, count);
  const counts = [bits.ueMax(MAX_PICTURES, 'num_negative_pics'), bits.ueMax(MAX_PICTURES, 'num_positive_pics')];
  return counts.flatMap((pictures, list) => {
    let delta = 0;
    return Array.from({ length: pictures }, () => {
      delta += (bits.ueMax(0x7fff, 'delta_poc_minus1') + 1) * (list === 0 ? -1 : 1);
      return { delta, isUsed: bits.flag() };
    });
  });
}

/** A set that is described by its difference to another one (7.4.8, equations 7-61 and 7-62). */
function predictSet(bits: BitReader, sets: readonly ReferenceSet[], count: number): ReferenceSet {
  const back = sets.length === count ? bits.ueMax(sets.length - 1, 'delta_idx_minus1') + 1 : 1;
  const from = sets[sets.length - back]!;
  const sign = bits.flag() ? -1 : 1;
  const shift = sign * (bits.ueMax(0x7fff, 'abs_delta_rps_minus1') + 1);
  const pictures: ReferencePicture[] = [];
  // The last flags are those of the picture that the other set belongs to.
  for (const delta of [...from.map((picture) => picture.delta), 0]) {
    const isUsed = bits.flag();
    const isKept = isUsed || bits.flag();
    if (isKept && delta + shift !== 0) pictures.push({ delta: delta + shift, isUsed });
  }
  if (pictures.length > MAX_PICTURES) throw new FormatError('HEVC reference picture set is too long', bits.offset >> 3);
  const earlier = pictures.filter(({ delta }) => delta < 0).sort((a, b) => b.delta - a.delta);
  return [...earlier, ...pictures.filter(({ delta }) => delta > 0).sort((a, b) => a.delta - b.delta)];
}

/**
 * Reads a picture parameter set.
 *
 * @param nal with its two header bytes, with emulation prevention
 * @throws FormatError if it ends early, has fields out of range, or is of screen content or several layers
 */
export function parseHevcHeaderPps(nal: Uint8Array): HevcHeaderPps {
  const bits = new BitReader(toRbsp(nal, 2), 'HEVC PPS');
  const id = bits.ueMax(63, 'pps_pic_parameter_set_id');
  const spsId = bits.ueMax(15, 'pps_seq_parameter_set_id');
  const dependentSegments = bits.flag();
  const outputFlagPresent = bits.flag();
  const extraBits = bits.u(3);
  bits.skip(1); // sign_data_hiding_enabled_flag
  const cabacInit = bits.flag();
  const references = [bits.ueMax(14, 'num_ref_idx_l0') + 1, bits.ueMax(14, 'num_ref_idx_l1') + 1] as const;
  bits.se(); // init_qp_minus26
  bits.skip(1); // constrained_intra_pred_flag
  const canSkipTransform = bits.flag();
  if (bits.flag()) bits.ue(); // diff_cu_qp_delta_depth
  bits.se();
  bits.se();
  const chromaOffsets = bits.flag();
  const weightedPrediction = bits.flag();
  const weightedBiprediction = bits.flag();
  bits.skip(1); // transquant_bypass_enabled_flag
  const hasTiles = bits.flag();
  const hasWavefronts = bits.flag();
  if (hasTiles) skipTiles(bits);
  const filterAcrossSlices = bits.flag();
  const deblocking = bits.flag() ? parseDeblocking(bits) : { override: false, disabled: false };
  if (bits.flag()) skipScalingLists(bits);
  const listsModification = bits.flag();
  bits.ue(); // log2_parallel_merge_level_minus2
  const headerExtension = bits.flag();
  const chromaOffsetLists = bits.flag() && parseExtensions(bits, canSkipTransform);
  return {
    id,
    spsId,
    dependentSegments,
    outputFlagPresent,
    extraBits,
    cabacInit,
    references,
    chromaOffsets,
    weightedPrediction,
    weightedBiprediction,
    entryPoints: hasTiles || hasWavefronts,
    filterAcrossSlices,
    deblockingOverride: deblocking.override,
    deblockingDisabled: deblocking.disabled,
    listsModification,
    headerExtension,
    chromaOffsetLists,
  };
}

function skipTiles(bits: BitReader): void {
  const columns = bits.ueMax(255, 'num_tile_columns_minus1');
  const rows = bits.ueMax(255, 'num_tile_rows_minus1');
  if (!bits.flag()) for (let i = 0; i < columns + rows; i++) bits.ue();
  bits.skip(1); // loop_filter_across_tiles_enabled_flag
}

function parseDeblocking(bits: BitReader): { override: boolean; disabled: boolean } {
  const override = bits.flag();
  const disabled = bits.flag();
  if (!disabled) for (let i = 0; i < 2; i++) bits.se();
  return { override, disabled };
}

/** Returns chroma_qp_offset_list_enabled_flag of the range extension. */
function parseExtensions(bits: BitReader, canSkipTransform: boolean): boolean {
  const hasRange = bits.flag();
  // Extensions of several layers, 3D and screen content add fields to slice headers.
  if (bits.u(3) !== 0) throw new FormatError('HEVC PPS with an extension that is not supported', bits.offset >> 3);
  bits.skip(4);
  if (!hasRange) return false;
  if (canSkipTransform) bits.ue(); // log2_max_transform_skip_block_size_minus2
  bits.skip(1); // cross_component_prediction_enabled_flag
  return bits.flag();
}

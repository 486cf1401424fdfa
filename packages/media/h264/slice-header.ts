/**
 * The length of an H.264 slice header, which encryption leaves clear.
 * In: a slice NAL unit, and the parameter sets of its track. Out: bytes. Pure. ITU-T H.264, 7.3.2.2 and
 * 7.3.3.
 */
import { BitReader } from '../bits.ts';
import { FormatError } from '../errors.ts';
import { toRbsp } from './annexb.ts';
import { rawLength } from './raw-length.ts';
import type { H264Sps } from './sps.ts';

/** Most references of one list (7.4.3). */
const MAX_REFERENCES = 32;
/** Most commands of a list modification or of reference marking that are read. */
const MAX_COMMANDS = 128;
const P = 0;
const B = 1;
const I = 2;
const SP = 3;
const SI = 4;

/** Fields of the SPS that slice headers depend on. */
type HeaderSps = Pick<
  H264Sps,
  'separatePlanes' | 'chromaFormat' | 'frameNumBits' | 'progressive' | 'orderBits' | 'hasOrderDeltas'
>;

/** Fields of a PPS that slice headers depend on. */
export interface H264HeaderPps {
  readonly id: number;
  readonly spsId: number;
  readonly cabac: boolean;
  /** bottom_field_pic_order_in_frame_present_flag. */
  readonly bottomOrder: boolean;
  /** num_ref_idx_default_active of both lists, 1 to 32. */
  readonly references: readonly [number, number];
  readonly weightedPrediction: boolean;
  /** weighted_bipred_idc, 0 to 2. */
  readonly weightedBiprediction: number;
  /** deblocking_filter_control_present_flag. */
  readonly deblockingControl: boolean;
  /** redundant_pic_cnt_present_flag. */
  readonly redundantPictures: boolean;
}

/**
 * Reads a picture parameter set.
 *
 * @param nal with its header byte, with emulation prevention
 * @throws FormatError if it ends early, has fields out of range, or has slice groups
 */
export function parseH264HeaderPps(nal: Uint8Array): H264HeaderPps {
  const bits = new BitReader(toRbsp(nal, 1), 'H.264 PPS');
  const id = bits.ueMax(255, 'pic_parameter_set_id');
  const spsId = bits.ueMax(31, 'seq_parameter_set_id');
  const cabac = bits.flag();
  const bottomOrder = bits.flag();
  if (bits.ue() > 0) throw new FormatError('H.264 PPS with slice groups', bits.offset >> 3);
  const references = [referenceCount(bits), referenceCount(bits)] as const;
  const weightedPrediction = bits.flag();
  const weightedBiprediction = bits.u(2);
  for (let i = 0; i < 3; i++) bits.se(); // pic_init_qp, pic_init_qs, chroma_qp_index_offset
  const deblockingControl = bits.flag();
  bits.skip(1); // constrained_intra_pred_flag
  const redundantPictures = bits.flag();
  return {
    id,
    spsId,
    cabac,
    bottomOrder,
    references,
    weightedPrediction,
    weightedBiprediction,
    deblockingControl,
    redundantPictures,
  };
}

function referenceCount(bits: BitReader): number {
  return bits.ueMax(MAX_REFERENCES - 1, 'num_ref_idx_active_minus1') + 1;
}

/**
 * Bytes of a slice NAL unit up to the end of its slice header, the NAL unit header and emulation prevention
 * included. The last byte may have the first bits of the slice data.
 *
 * @param start offset of the NAL unit header, of type 1 or 5
 * @param setsOf gives the PPS of an id, and its SPS
 * @throws FormatError if it ends early, has fields out of range, or its parameter sets are not known
 */
export function h264HeaderLength(
  bytes: Uint8Array,
  start: number,
  end: number,
  setsOf: (ppsId: number) => { readonly pps: H264HeaderPps; readonly sps: HeaderSps } | undefined,
): number {
  return rawLength({ bytes, start, end, nalHeader: 1, name: 'H.264 slice' }, (bits) => {
    bits.ue(); // first_mb_in_slice
    const type = bits.ueMax(9, 'slice_type') % 5;
    const ppsId = bits.ueMax(255, 'pic_parameter_set_id');
    const sets = setsOf(ppsId);
    if (!sets) throw new FormatError(`H.264 slice of an unknown parameter set ${ppsId}`, start);
    const { pps } = sets;
    const idr = (bytes[start]! & 0x1f) === 5;
    skipOrder(bits, sets, idr);
    if (pps.redundantPictures) bits.ue(); // redundant_pic_cnt
    if (type === B) bits.skip(1); // direct_spatial_mv_pred_flag
    const references = [...pps.references];
    if ((type === P || type === SP || type === B) && bits.flag()) {
      references[0] = referenceCount(bits);
      if (type === B) references[1] = referenceCount(bits);
    }
    if (type !== I && type !== SI) skipListModification(bits);
    if (type === B) skipListModification(bits);
    const isWeighted = type === B ? pps.weightedBiprediction === 1 : pps.weightedPrediction;
    if (isWeighted && type !== I && type !== SI) skipWeights(bits, sets.sps, references.slice(0, type === B ? 2 : 1));
    if ((bytes[start]! & 0x60) !== 0) skipMarking(bits, idr);
    if (pps.cabac && type !== I && type !== SI) bits.ueMax(2, 'cabac_init_idc');
    bits.se(); // slice_qp_delta
    if (type === SP) bits.skip(1); // sp_for_switch_flag
    if (type === SP || type === SI) bits.se(); // slice_qs_delta
    if (pps.deblockingControl && bits.ueMax(2, 'disable_deblocking_filter_idc') !== 1) {
      bits.se();
      bits.se();
    }
  });
}

/** The fields from colour_plane_id to the picture order count. */
function skipOrder(bits: BitReader, { pps, sps }: { pps: H264HeaderPps; sps: HeaderSps }, idr: boolean): void {
  if (sps.separatePlanes) bits.skip(2);
  bits.skip(sps.frameNumBits);
  const isField = !sps.progressive && bits.flag();
  if (isField) bits.skip(1); // bottom_field_flag
  if (idr) bits.ue(); // idr_pic_id
  const hasBottom = pps.bottomOrder && !isField;
  if (sps.orderBits > 0) {
    bits.skip(sps.orderBits);
    if (hasBottom) bits.se(); // delta_pic_order_cnt_bottom
  } else if (sps.hasOrderDeltas) {
    bits.se();
    if (hasBottom) bits.se();
  }
}

/** ref_pic_list_modification of one list (7.3.3.1). */
function skipListModification(bits: BitReader): void {
  if (!bits.flag()) return;
  for (let i = 0; i < MAX_COMMANDS; i++) {
    if (bits.ueMax(3, 'modification_of_pic_nums_idc') === 3) return;
    bits.ue();
  }
  throw new FormatError('H.264 slice with an endless list modification', bits.offset >> 3);
}

/** pred_weight_table (7.3.3.2). */
function skipWeights(bits: BitReader, sps: HeaderSps, lists: readonly number[]): void {
  const hasChroma = sps.chromaFormat !== 0 && !sps.separatePlanes;
  bits.ueMax(7, 'luma_log2_weight_denom');
  if (hasChroma) bits.ueMax(7, 'chroma_log2_weight_denom');
  for (const references of lists) {
    for (let i = 0; i < references; i++) {
      if (bits.flag()) for (let k = 0; k < 2; k++) bits.se();
      if (hasChroma && bits.flag()) for (let k = 0; k < 4; k++) bits.se();
    }
  }
}

/** dec_ref_pic_marking (7.3.3.3). */
function skipMarking(bits: BitReader, idr: boolean): void {
  if (idr) {
    bits.skip(2);
    return;
  }
  if (!bits.flag()) return;
  for (let i = 0; i < MAX_COMMANDS; i++) {
    const command = bits.ueMax(6, 'memory_management_control_operation');
    if (command === 0) return;
    if (command !== 5) bits.ue();
    if (command === 3) bits.ue();
  }
  throw new FormatError('H.264 slice with endless reference marking', bits.offset >> 3);
}

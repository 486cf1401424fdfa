/**
 * The length of an HEVC slice segment header, which encryption leaves clear.
 * In: a slice segment NAL unit, and the parameter sets of its track. Out: bytes. Pure. ITU-T H.265, 7.3.6.
 */
import type { BitReader } from '../bits.ts';
import { FormatError } from '../errors.ts';
import { rawLength } from '../h264/raw-length.ts';
import { type HevcHeaderPps, type HevcHeaderSps, parseReferenceSet } from './header-sets.ts';
import { HEVC_NAL, hevcNalType } from './nal.ts';

const B = 0;
const I = 2;
const IDR_W_RADL = 19;
const IDR_N_LP = 20;
const LAST_IRAP = 23;
/** Most references of one list (7.4.7.1). */
const MAX_REFERENCES = 16;
/** Most long-term pictures, and entry points, of a header that is read. */
const MAX_LONG_TERM = 33;
const MAX_ENTRY_POINTS = 4096;

/** The sets of a slice segment. */
interface Sets {
  readonly pps: HevcHeaderPps;
  readonly sps: HevcHeaderSps;
}

/** What later fields depend on. */
interface References {
  /** NumPicTotalCurr: pictures that the current one may use. */
  readonly total: number;
  /** slice_temporal_mvp_enabled_flag. */
  readonly temporal: boolean;
}

/**
 * Bytes of a slice segment NAL unit up to the end of its header, the NAL unit header, the alignment and
 * emulation prevention included.
 *
 * @param start offset of the NAL unit header, of type 0 to 31
 * @param setsOf gives the PPS of an id, and its SPS
 * @throws FormatError if it ends early, has fields out of range, or its parameter sets are not known
 */
export function hevcHeaderLength(
  bytes: Uint8Array,
  start: number,
  end: number,
  setsOf: (ppsId: number) => Sets | undefined,
): number {
  const type = hevcNalType(bytes[start]!);
  return rawLength({ bytes, start, end, nalHeader: 2, name: 'HEVC slice' }, (bits) => {
    const isFirst = bits.flag();
    if (type >= HEVC_NAL.blaFirst && type <= LAST_IRAP) bits.skip(1); // no_output_of_prior_pics_flag
    const ppsId = bits.ueMax(63, 'slice_pic_parameter_set_id');
    const sets = setsOf(ppsId);
    if (!sets) throw new FormatError(`HEVC slice of an unknown parameter set ${ppsId}`, start);
    const { pps, sps } = sets;
    let isDependent = false;
    if (!isFirst) {
      isDependent = pps.dependentSegments && bits.flag();
      bits.skip(sps.addressBits);
    }
    if (!isDependent) skipIndependent(bits, sets, type === IDR_W_RADL || type === IDR_N_LP);
    if (pps.entryPoints) skipEntryPoints(bits);
    if (pps.headerExtension) bits.skip(8 * bits.ueMax(256, 'slice_segment_header_extension_length'));
    bits.skip(1); // alignment_bit_equal_to_one
    bits.align();
  });
}

function skipIndependent(bits: BitReader, sets: Sets, idr: boolean): void {
  const { pps, sps } = sets;
  bits.skip(pps.extraBits);
  const type = bits.ueMax(2, 'slice_type');
  if (pps.outputFlagPresent) bits.skip(1); // pic_output_flag
  if (sps.separatePlanes) bits.skip(2); // colour_plane_id
  const references = idr ? { total: 0, temporal: false } : skipReferences(bits, sps);
  const saoLuma = sps.adaptiveOffset && bits.flag();
  const saoChroma = sps.adaptiveOffset && sps.hasChroma && bits.flag();
  if (type !== I) skipPrediction(bits, sets, { type, references });
  bits.se(); // slice_qp_delta
  if (pps.chromaOffsets) for (let i = 0; i < 2; i++) bits.se();
  if (pps.chromaOffsetLists) bits.skip(1); // cu_chroma_qp_offset_enabled_flag
  let isUnfiltered = pps.deblockingDisabled;
  if (pps.deblockingOverride && bits.flag()) {
    isUnfiltered = bits.flag();
    if (!isUnfiltered) for (let i = 0; i < 2; i++) bits.se();
  }
  if (pps.filterAcrossSlices && (saoLuma || saoChroma || !isUnfiltered)) bits.skip(1);
}

/** The picture order count and the sets of reference pictures. */
function skipReferences(bits: BitReader, sps: HevcHeaderSps): References {
  const { sets, longTerm } = sps;
  bits.skip(sps.orderBits);
  let set = sets[0];
  if (!bits.flag()) set = parseReferenceSet(bits, sets, sets.length);
  else if (sets.length > 1) set = sets[bits.u(bitsFor(sets.length))];
  if (!set) throw new FormatError('HEVC slice of an unknown reference picture set', bits.offset >> 3);
  let total = set.filter(({ isUsed }) => isUsed).length;
  if (longTerm) {
    const known = longTerm.length > 0 ? bits.ueMax(MAX_LONG_TERM, 'num_long_term_sps') : 0;
    const count = known + bits.ueMax(MAX_LONG_TERM, 'num_long_term_pics');
    for (let i = 0; i < count; i++) {
      let isUsed: boolean | undefined;
      if (i < known) isUsed = longTerm[longTerm.length > 1 ? bits.u(bitsFor(longTerm.length)) : 0];
      else {
        bits.skip(sps.orderBits);
        isUsed = bits.flag();
      }
      if (isUsed) total++;
      if (bits.flag()) bits.ue(); // delta_poc_msb_cycle_lt
    }
  }
  return { total, temporal: sps.temporalMotion && bits.flag() };
}

/** The fields of P and B slices. */
function skipPrediction(
  bits: BitReader,
  { pps, sps }: Sets,
  { type, references: { total, temporal } }: { readonly type: number; readonly references: References },
): void {
  const counts = [...pps.references];
  if (bits.flag()) {
    counts[0] = bits.ueMax(MAX_REFERENCES - 1, 'num_ref_idx_l0_active_minus1') + 1;
    if (type === B) counts[1] = bits.ueMax(MAX_REFERENCES - 1, 'num_ref_idx_l1_active_minus1') + 1;
  }
  const lists = counts.slice(0, type === B ? 2 : 1);
  if (pps.listsModification && total > 1) {
    for (const count of lists) if (bits.flag()) bits.skip(count * bitsFor(total));
  }
  if (type === B) bits.skip(1); // mvd_l1_zero_flag
  if (pps.cabacInit) bits.skip(1); // cabac_init_flag
  if (temporal) {
    const list = type === B && !bits.flag() ? 1 : 0;
    if (counts[list]! > 1) bits.ue(); // collocated_ref_idx
  }
  if (type === B ? pps.weightedBiprediction : pps.weightedPrediction) skipWeights(bits, sps.hasChroma, lists);
  bits.ueMax(4, 'five_minus_max_num_merge_cand');
}

/** pred_weight_table (7.3.6.3) of one layer. */
function skipWeights(bits: BitReader, hasChroma: boolean, lists: readonly number[]): void {
  bits.ueMax(7, 'luma_log2_weight_denom');
  if (hasChroma) bits.se(); // delta_chroma_log2_weight_denom
  for (const count of lists) {
    const luma = Array.from({ length: count }, () => bits.flag());
    const chroma = Array.from({ length: count }, () => hasChroma && bits.flag());
    for (let i = 0; i < count; i++) {
      const weights = (luma[i] ? 2 : 0) + (chroma[i] ? 4 : 0);
      for (let k = 0; k < weights; k++) bits.se();
    }
  }
}

function skipEntryPoints(bits: BitReader): void {
  const count = bits.ueMax(MAX_ENTRY_POINTS, 'num_entry_point_offsets');
  if (count > 0) bits.skip((bits.ueMax(31, 'offset_len_minus1') + 1) * count);
}

/** Ceil(Log2(count)). */
function bitsFor(count: number): number {
  return Math.ceil(Math.log2(count));
}

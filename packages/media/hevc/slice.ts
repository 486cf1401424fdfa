/**
 * HEVC slice segment header: the picture order count.
 * In: the first slice segment of a picture, its SPS and PPS. Out: the picture order count. ITU-T H.265,
 * 7.3.6.1 and 7.3.2.3.1.
 */
import { BitReader } from '../bits.ts';
import { toRbsp } from '../h264/annexb.ts';
import { HEVC_NAL, hevcNalType } from './nal.ts';
import type { HevcSps } from './sps.ts';

const HEADER_BYTES = 32;
const IDR_W_RADL = 19;
const IDR_N_LP = 20;

/** Fields of a PPS that slice headers depend on. */
interface HevcSlicePps {
  readonly id: number;
  readonly spsId: number;
  readonly outputFlagPresent: boolean;
  /** num_extra_slice_header_bits. */
  readonly extraBits: number;
}

/** The head of a slice. */
interface HevcSlice {
  readonly idr: boolean;
  /** slice_pic_order_cnt_lsb; 0 for IDR. */
  readonly order: number;
}

/**
 * Reads the head of a PPS.
 *
 * @param nal with its header
 * @throws FormatError if it ends early or an id is out of range
 */
export function parseHevcSlicePps(nal: Uint8Array): HevcSlicePps {
  const bits = new BitReader(toRbsp(nal, 2, Math.min(nal.length, 32)), 'HEVC PPS');
  const id = bits.ueMax(63, 'pps_pic_parameter_set_id');
  const spsId = bits.ueMax(15, 'pps_seq_parameter_set_id');
  bits.skip(1); // dependent_slice_segments_enabled_flag
  return { id, spsId, outputFlagPresent: bits.flag(), extraBits: bits.u(3) };
}

/**
 * True for the first slice segment of a picture: first_slice_segment_in_pic_flag.
 *
 * @param start offset of the NAL unit header
 */
export function startsHevcPicture(bytes: Uint8Array, start: number): boolean {
  return (bytes[start + 2]! & 0x80) !== 0;
}

/**
 * Reads the head of the first slice segment of a picture.
 *
 * @param start offset of the NAL unit header
 * @param setsOf gives the PPS of an id, and its SPS
 * @returns undefined if they are not known
 * @throws FormatError if it ends early
 */
export function parseHevcSlice(
  bytes: Uint8Array,
  start: number,
  end: number,
  setsOf: (ppsId: number) => { pps: HevcSlicePps; sps: Pick<HevcSps, 'separatePlanes' | 'orderBits'> } | undefined,
): HevcSlice | undefined {
  const type = hevcNalType(bytes[start]!);
  const idr = type === IDR_W_RADL || type === IDR_N_LP;
  if (idr) return { idr, order: 0 };
  const bits = new BitReader(toRbsp(bytes, start + 2, Math.min(end, start + HEADER_BYTES)), 'HEVC slice');
  bits.skip(1); // first_slice_segment_in_pic_flag
  if (type >= HEVC_NAL.blaFirst && type <= 23) bits.skip(1); // no_output_of_prior_pics_flag
  const sets = setsOf(bits.ueMax(63, 'slice_pic_parameter_set_id'));
  if (!sets) return undefined;
  bits.skip(sets.pps.extraBits);
  bits.ue(); // slice_type
  if (sets.pps.outputFlagPresent) bits.skip(1); // pic_output_flag
  if (sets.sps.separatePlanes) bits.skip(2); // colour_plane_id
  return { idr, order: bits.u(sets.sps.orderBits) };
}

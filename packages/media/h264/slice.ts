/**
 * H.264 slice header: which picture a slice belongs to, and whether that is a field.
 * In: a slice NAL unit and its SPS. Out: the fields up to the picture order count. ITU-T H.264, 7.3.3 and
 * 7.4.3.
 */
import { BitReader } from '../bits.ts';
import { toRbsp } from './annexb.ts';
import type { H264Sps } from './sps.ts';

/** Enough bytes for the fields read here: six Exp-Golomb codes and two short fields. */
const HEADER_BYTES = 32;

/** The head of a slice. */
interface H264Slice {
  readonly ppsId: number;
  readonly frameNum: number;
  /** A field picture, and which; undefined for a frame. */
  readonly field: 'top' | 'bottom' | undefined;
  /** nal_unit_type 5. */
  readonly idr: boolean;
  /** nal_ref_idc is not 0. */
  readonly reference: boolean;
  /** pic_order_cnt_lsb, or undefined where the SPS has none. */
  readonly order: number | undefined;
}

/** Fields that identify the frame of a slice. */
interface FieldHead {
  readonly idr: boolean;
  readonly field?: 'top' | 'bottom' | undefined;
  readonly frameNum?: number;
  readonly reference?: boolean;
}

/** Fields of the SPS that slice headers depend on. */
type SliceSps = Pick<H264Sps, 'separatePlanes' | 'frameNumBits' | 'progressive' | 'orderBits'>;

/**
 * True for the first slice of a picture: first_mb_in_slice is 0, a single bit.
 *
 * @param start offset of the NAL unit header
 */
export function startsH264Picture(bytes: Uint8Array, start: number): boolean {
  const type = bytes[start]! & 0x1f;
  // Data partitions B and C begin with another field.
  return type !== 3 && type !== 4 && (bytes[start + 1]! & 0x80) !== 0;
}

/**
 * Reads the head of a slice NAL unit of type 1 or 5.
 *
 * @param start offset of the NAL unit header
 * @param spsOf gives the SPS that a PPS names
 * @returns undefined if the SPS is not known
 * @throws FormatError if it ends early
 */
export function parseH264Slice(
  bytes: Uint8Array,
  start: number,
  end: number,
  spsOf: (ppsId: number) => SliceSps | undefined,
): H264Slice | undefined {
  const bits = new BitReader(toRbsp(bytes, start + 1, Math.min(end, start + HEADER_BYTES)), 'H.264 slice');
  bits.ue(); // first_mb_in_slice
  bits.ue(); // slice_type
  const ppsId = bits.ueMax(255, 'pic_parameter_set_id');
  const sps = spsOf(ppsId);
  if (!sps) return undefined;
  if (sps.separatePlanes) bits.skip(2); // colour_plane_id
  const frameNum = bits.u(sps.frameNumBits);
  const isField = !sps.progressive && bits.flag();
  const field = isField ? (bits.flag() ? 'bottom' : 'top') : undefined;
  const idr = (bytes[start]! & 0x1f) === 5;
  if (idr) bits.ue(); // idr_pic_id
  const order = sps.orderBits > 0 ? bits.u(sps.orderBits) : undefined;
  return { ppsId, frameNum, field, idr, reference: (bytes[start]! & 0x60) !== 0, order };
}

/**
 * Whether `second` is the other field of the frame that `first` begins (7.4.1.2.4; complementary field pairs,
 * 3.30 and 3.31).
 */
export function isSecondField(first: FieldHead, second: FieldHead): boolean {
  if (first.field === undefined || second.field === undefined || first.field === second.field) return false;
  return (
    first.frameNum === second.frameNum &&
    (first.reference === true || second.reference !== true) &&
    (first.idr || !second.idr)
  );
}

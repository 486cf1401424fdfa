/**
 * HEVC NAL unit types, the ids of parameter sets, and random access points.
 * In: NAL units. Out: numbers. ITU-T H.265, 7.3.1.2, 7.3.2 and table 7-1.
 */
import { BitReader } from '../bits.ts';
import { type NalList, toRbsp } from '../h264/annexb.ts';

/** nal_unit_type values that oxbow names. */
export const HEVC_NAL = { blaFirst: 16, craLast: 21, vps: 32, sps: 33, pps: 34, aud: 35, filler: 38 } as const;

/**
 * nal_unit_type, 0 to 63.
 *
 * @param first the NAL unit's first byte
 */
export function hevcNalType(first: number): number {
  return (first >> 1) & 0x3f;
}

/**
 * vps_video_parameter_set_id, 0 to 15.
 *
 * @param nal a VPS with its header
 * @throws FormatError if it ends early
 */
export function hevcVpsId(nal: Uint8Array): number {
  return new BitReader(nal, 'HEVC VPS', 2).u(4);
}

/**
 * pps_pic_parameter_set_id, 0 to 63.
 *
 * @param nal a PPS with its header
 * @throws FormatError if it ends early or the id is out of range
 */
export function hevcPpsId(nal: Uint8Array): number {
  return new BitReader(toRbsp(nal, 2, Math.min(nal.length, 16)), 'HEVC PPS').ueMax(63, 'pps_pic_parameter_set_id');
}

/**
 * True where decoding can begin: BLA, IDR or CRA.
 *
 * @param bytes the buffer of `list`
 */
export function isHevcKey(bytes: Uint8Array, list: NalList): boolean {
  for (let i = 0; i < list.count; i++) {
    const type = hevcNalType(bytes[list.starts[i]!]!);
    if (type >= HEVC_NAL.blaFirst && type <= HEVC_NAL.craLast) return true;
  }
  return false;
}

/**
 * H.264 picture parameter set: only its id, and that of its SPS, are wanted.
 * In: one PPS NAL unit. Out: ids. ITU-T H.264, 7.3.2.2.
 */
import { BitReader } from '../bits.ts';
import { toRbsp } from './annexb.ts';

/**
 * pic_parameter_set_id, 0 to 255.
 *
 * @param nal with its header byte
 * @throws FormatError if it ends early or the id is out of range
 */
export function h264PpsId(nal: Uint8Array): number {
  return new BitReader(toRbsp(nal, 1, Math.min(nal.length, 16)), 'H.264 PPS').ueMax(255, 'pic_parameter_set_id');
}

/**
 * seq_parameter_set_id, 0 to 31, of a PPS.
 *
 * @param nal with its header byte
 * @throws FormatError if it ends early or the id is out of range
 */
export function h264PpsSpsId(nal: Uint8Array): number {
  const bits = new BitReader(toRbsp(nal, 1, Math.min(nal.length, 16)), 'H.264 PPS');
  bits.ueMax(255, 'pic_parameter_set_id');
  return bits.ueMax(31, 'seq_parameter_set_id');
}

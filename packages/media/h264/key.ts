/**
 * Whether an H.264 access unit can be decoded without earlier ones.
 * In: the NAL units of one access unit. Out: a yes or no. ITU-T H.264, 7.3.2.3, 7.3.3 and D.2.8 (recovery
 * point).
 */
import { BitReader } from '../bits.ts';
import { FormatError } from '../errors.ts';
import { type NalList, toRbsp } from './annexb.ts';
import { SeiReader } from './sei.ts';

const SLICE_HEADER_BYTES = 32;
/** payloadType. */
const RECOVERY_POINT = 6;
const messages = new SeiReader();

/**
 * True for an IDR picture, and for a picture of I slices only with a recovery point SEI message
 * (docs/media.md 12).
 *
 * @param bytes the buffer of `list`
 * @param continues these are further NAL units of a picture that was one up to here: they need no SEI message
 *   of their own
 */
export function isH264Key(bytes: Uint8Array, list: NalList, continues = false): boolean {
  let recovery = continues;
  for (let i = 0; i < list.count; i++) {
    const start = list.starts[i]!;
    const type = bytes[start]! & 0x1f;
    if (type === 5) return true;
    if (type === 6 && !recovery) recovery = hasRecoveryPoint(bytes, start, list.ends[i]!);
  }
  if (!recovery) return false;
  for (let i = 0; i < list.count; i++) {
    const start = list.starts[i]!;
    if ((bytes[start]! & 0x1f) === 1 && !isIntraSlice(bytes, start, list.ends[i]!)) return false;
  }
  return true;
}

/**
 * Whether a SEI NAL unit carries a recovery point (payloadType 6).
 *
 * @param start offset of the NAL unit header; only the first 4 KiB are looked at
 */
export function hasRecoveryPoint(bytes: Uint8Array, start: number, end: number): boolean {
  messages.open(bytes, start + 1, end);
  while (messages.next()) if (messages.type === RECOVERY_POINT) return true;
  return false;
}

function isIntraSlice(bytes: Uint8Array, start: number, end: number): boolean {
  const bits = new BitReader(toRbsp(bytes, start + 1, Math.min(end, start + SLICE_HEADER_BYTES)), 'H.264 slice');
  try {
    bits.ue(); // first_mb_in_slice
    const type = bits.ue() % 5;
    return type === 2 || type === 4; // I, SI
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}

/**
 * Measures a header at the start of a NAL unit in bytes of the NAL unit.
 * In: a NAL unit, and a reader of its header. Out: bytes, emulation prevention included. Pure. The same for
 * H.264 (7.4.1.1) and HEVC (7.4.2).
 */
import { BitReader } from '../bits.ts';
import { FormatError } from '../errors.ts';
import { toRbsp } from './annexb.ts';

/** Most headers end within these bytes. */
const USUAL_BYTES = 96;
/** The longest header that is read. */
const MAX_BYTES = 8192;

/** Where a NAL unit is. */
interface NalRange {
  readonly bytes: Uint8Array;
  /** First byte of the NAL unit header. */
  readonly start: number;
  /** First byte after the NAL unit. */
  readonly end: number;
  /** Bytes of the NAL unit header. */
  readonly nalHeader: number;
  /** Name of the structure, for errors. */
  readonly name: string;
}

/**
 * Bytes from the start of a NAL unit to the last byte that `read` takes bits from.
 *
 * @param read reads the header; called a second time where it is longer than usual
 * @throws FormatError if the header ends early or is longer than 8,192 bytes
 */
export function rawLength(nal: NalRange, read: (bits: BitReader) => void): number {
  const whole = Math.min(nal.end, nal.start + MAX_BYTES);
  const usual = Math.min(whole, nal.start + USUAL_BYTES);
  try {
    return measure(nal, usual, read);
  } catch (error) {
    if (!(error instanceof FormatError) || usual === whole) throw error;
    return measure(nal, whole, read);
  }
}

function measure({ bytes, start, nalHeader, name }: NalRange, to: number, read: (bits: BitReader) => void): number {
  const from = start + nalHeader;
  const bits = new BitReader(toRbsp(bytes, from, to), name);
  read(bits);
  let left = (bits.offset + 7) >> 3;
  let at = from;
  for (let zeros = 0; left > 0; at++) {
    const byte = bytes[at]!;
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    left--;
  }
  return at - start;
}

/**
 * Converts NAL units with lengths of 1 or 2 bytes to those of frames: lengths of 4 bytes.
 * In: one sample. Out: the same NAL units in a new array. Pure. ISO/IEC 14496-15, 5.3.3.1
 * (lengthSizeMinusOne).
 */
import { FormatError } from '../../errors.ts';
import { MAX_NALS } from '../../h264/annexb.ts';

/**
 * @param sample NAL units, each with a length of `lengthBytes` bytes
 * @param lengthBytes 1 or 2; with 4 the sample is given back as it is
 * @throws FormatError if a length reaches past the sample, or there are more than MAX_NALS
 */
export function widenNalLengths(sample: Uint8Array, lengthBytes: number): Uint8Array {
  if (lengthBytes === 4) return sample;
  const starts: number[] = [];
  for (let at = 0; at < sample.length; ) {
    const length = lengthBytes === 1 ? sample[at]! : sample[at]! * 256 + (sample[at + 1] ?? 0);
    if (starts.push(at) > MAX_NALS) throw new FormatError(`more than ${MAX_NALS} NAL units in one sample`, at);
    at += lengthBytes + length;
    if (at > sample.length) throw new FormatError('a NAL unit reaches past its sample', starts.at(-1)!);
  }
  const wide = new Uint8Array(sample.length + starts.length * (4 - lengthBytes));
  const view = new DataView(wide.buffer);
  let to = 0;
  for (const [i, start] of starts.entries()) {
    const unit = sample.subarray(start + lengthBytes, starts[i + 1] ?? sample.length);
    view.setUint32(to, unit.length);
    wide.set(unit, to + 4);
    to += 4 + unit.length;
  }
  return wide;
}

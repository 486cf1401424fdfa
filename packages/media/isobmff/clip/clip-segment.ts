/**
 * A stored segment in a clip: on the clip's clock, as one fragment, with an unchanged number of bytes.
 * In: a segment and what to add to its decode times (`planClip`). Out: a copy. Pure. ISO/IEC 14496-12, 8.8;
 * docs/media.md 20.
 */
import { FormatError } from '../../errors.ts';
import { BoxWriter, readBoxes } from '../box.ts';
import { fragmentLength, loneSlot, printFragment, sequenceNumber } from '../fragment.ts';
import { parseTfdt } from '../fragment-reader.ts';
import { parseSegment } from '../segment-frames.ts';

/**
 * A copy of a segment that decodes `delta` ticks later. Its Parts become one fragment where that fits into
 * the same length (a `free` box fills the rest), because the clip's index can only name segments; else they
 * stay as they are.
 *
 * @param segment moof and mdat pairs of one track
 * @param delta ticks, may be negative
 * @param position of the segment in the clip, 0 and up: fragments are numbered by it
 * @returns as many bytes as `segment` has
 * @throws FormatError if a box is malformed, a fragment has no tfdt, or a decode time would leave its field
 */
export function rebaseSegment(segment: Uint8Array, delta: number, position: number): Uint8Array {
  const frames = isOneFragment(segment) ? undefined : parseSegment(segment, delta);
  const spare = frames?.[0] && frames[0].dts >= 0 ? segment.length - fragmentLength(frames) : -1;
  if (!frames || (spare !== 0 && spare < 8)) return rebaseFragments(segment, delta, position);
  const first = frames[0]!;
  const target = new Uint8Array(segment.length);
  const at = printFragment(target, 0, {
    sequence: sequenceNumber(position, loneSlot, 0),
    trackId: first.trackId,
    tfdt: first.dts,
    frames,
  });
  if (spare > 0) {
    const writer = new BoxWriter(target, at);
    const free = writer.open('free');
    writer.zeros(spare - 8);
    writer.close(free);
  }
  return target;
}

/**
 * A copy of a segment whose fragments decode `delta` ticks later.
 *
 * @param segment moof and mdat pairs of one track
 * @param delta ticks, may be negative
 * @param position of the segment in the clip, 0 and up: fragments are numbered by it
 * @throws FormatError if a box is malformed, a fragment has no tfdt, or a decode time would leave its field
 */
export function rebaseFragments(segment: Uint8Array, delta: number, position: number): Uint8Array {
  const copy = new Uint8Array(segment.length);
  copy.set(segment);
  let fragment = 0;
  for (const moof of readBoxes(copy)) {
    if (moof.type !== 'moof') continue;
    for (const traf of readBoxes(copy, moof.body, moof.end)) {
      if (traf.type === 'mfhd') new BoxWriter(copy, traf.body + 4).u32(sequenceNumber(position, loneSlot, fragment++));
      if (traf.type !== 'traf') continue;
      const tfdt = readBoxes(copy, traf.body, traf.end).find(({ type }) => type === 'tfdt');
      if (!tfdt) throw new FormatError('a fragment has no tfdt', traf.start);
      const time = parseTfdt(copy, tfdt) + delta;
      const long = copy[tfdt.body] === 1;
      if (!(time >= 0 && time <= (long ? Number.MAX_SAFE_INTEGER : 0xffffffff))) {
        throw new FormatError(`decode time ${time} does not fit`, tfdt.start);
      }
      const writer = new BoxWriter(copy, tfdt.body + 4);
      if (long) writer.u64(time);
      else writer.u32(time);
    }
  }
  return copy;
}

function isOneFragment(segment: Uint8Array): boolean {
  return readBoxes(segment).filter(({ type }) => type === 'moof').length < 2;
}

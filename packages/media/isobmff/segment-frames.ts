/**
 * Gives back the frames of a stored segment, for remuxing.
 * In: the moof and mdat pairs of one track, or only its moofs. Out: frames, whose bytes are views of the
 * segment; or samples, which are frames without their bytes. Pure. ISO/IEC 14496-12, 8.8.
 */
import type { Frame } from '../frame.ts';
import { type Box, readBoxes } from './box.ts';
import { isSync, parseMoof } from './fragment-reader.ts';

/** A frame as its fragment describes it. */
export interface SegmentSample {
  readonly trackId: number;
  /** Ticks of the track. */
  readonly dts: number;
  readonly pts: number;
  readonly duration: number;
  readonly key: boolean;
  /** First byte, from the start of the segment. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

/**
 * Adds the samples of one fragment to those before it.
 *
 * @param samples of the segment so far; grows
 * @param bytes hold `moof`, and may be any stretch of the segment
 * @param moofAt where the moof begins in the segment
 * @param segmentLength bytes; no sample ends after them
 * @param delta ticks to add to every time
 * @returns false where the fragment is not of the same track, in order and whole
 * @throws FormatError if a box is malformed
 */
export function addFragment(
  samples: SegmentSample[],
  bytes: Uint8Array,
  moof: Box,
  { moofAt, segmentLength, delta = 0 }: { moofAt: number; segmentLength: number; delta?: number },
): boolean {
  const [fragment, ...others] = parseMoof(bytes, moof);
  if (!fragment || others.length > 0 || fragment.tfdt === undefined) return false;
  const { trackId, sizes, offsets, durations, compositions, flags } = fragment;
  let dts = fragment.tfdt + delta;
  const last = samples.at(-1);
  if (last && (last.trackId !== trackId || dts <= last.dts)) return false;
  // The next fragment's decode time is the truth about the last sample's duration.
  if (last) samples[samples.length - 1] = { ...last, duration: dts - last.dts };
  for (let i = 0; i < sizes.length; i++) {
    const offset = moofAt + offsets[i]!;
    const length = sizes[i]!;
    if (offset < 0 || offset + length > segmentLength || compositions[i]! < 0) return false;
    const duration = durations[i]!;
    samples.push({ trackId, dts, pts: dts + compositions[i]!, duration, key: isSync(flags[i]!), offset, length });
    dts += duration;
  }
  return true;
}

/**
 * The frames of one track's segment, in decode order.
 *
 * @param segment moof and mdat pairs as `printFragment` writes them
 * @param delta ticks to add to every time
 * @returns at least one frame, or undefined where the fragments are not of one track, in order and whole
 * @throws FormatError if a box is malformed
 */
export function parseSegment(segment: Uint8Array, delta = 0): Frame[] | undefined {
  const samples: SegmentSample[] = [];
  for (const moof of readBoxes(segment)) {
    if (moof.type !== 'moof') continue;
    const at = { moofAt: moof.start, segmentLength: segment.length, delta };
    if (!addFragment(samples, segment, moof, at)) return undefined;
  }
  if (samples.length === 0) return undefined;
  return samples.map(({ trackId, dts, pts, duration, key, offset, length }) => {
    return { trackId, dts, pts, duration, key, data: segment.subarray(offset, offset + length) };
  });
}

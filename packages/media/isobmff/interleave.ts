/**
 * Puts the fragments of several tracks in the order of time: a fragment of each, then the next of each.
 * In: stored segments, a track each. Out: the same bytes in pieces. Pure. ISO/IEC 14496-12, 8.8;
 * docs/media.md 15a.
 */
import { FormatError } from '../errors.ts';
import { readBoxes } from './box.ts';

/**
 * The order in which a segment of several tracks goes out. It is that of its parts, one behind the other, so
 * the segment is its parts (RFC 8216bis 3.2). VLC loses a quarter of the sound where all pictures of a
 * segment come before all its sound; it wants the fragments of a moment side by side. `sequenceNumber`
 * numbers fragments in this order.
 *
 * @param tracks whole fragments of a track each, in the order of the rendition
 * @returns views of `tracks`, never copies; a track whose boxes cannot be read is one piece
 */
export function interleaveFragments(tracks: readonly Uint8Array[]): Uint8Array[] {
  if (tracks.length < 2) return [...tracks];
  const fragments = tracks.map(fragmentsOf);
  const most = Math.max(...fragments.map(({ length }) => length));
  return Array.from({ length: most }, (_, i) => fragments.flatMap((pieces) => pieces[i] ?? [])).flat();
}

/** The pieces that end with each mdat. */
function fragmentsOf(bytes: Uint8Array): Uint8Array[] {
  try {
    const ends = readBoxes(bytes).flatMap(({ type, end }) => (type === 'mdat' ? [end] : []));
    if (ends.at(-1) !== bytes.length) return [bytes];
    return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
  } catch (error) {
    if (error instanceof FormatError) return [bytes]; // damaged on disk: sent unchanged
    throw error;
  }
}

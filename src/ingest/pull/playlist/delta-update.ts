/**
 * Puts the segments that a Playlist Delta Update left out back in.
 * In: the list before, the update. Out: the whole list, or word that the two do not fit. Pure. RFC 8216bis 6.2.5.1.
 */
import type { MediaPlaylist, PlaylistSegment } from '../../../media/m3u8/playlist.ts';

/** An update is asked for only while the list before is at most this much of CAN-SKIP-UNTIL old (6.3.7). */
const FRESH_FOR = 0.5;

/**
 * Whether the next reload may leave segments out.
 *
 * @param ageMs since the list was loaded, ms
 */
export function canRequestDelta(list: MediaPlaylist, ageMs: number): boolean {
  const skipUntilS = list.serverControl?.canSkipUntilS;
  if (skipUntilS === undefined || ageMs > FRESH_FOR * skipUntilS * 1000) return false;
  // EXT-X-KEY:METHOD=NONE behind the skipped segments and no tag at all read alike.
  return list.segments.every(({ key }) => key === undefined);
}

/**
 * The whole list that an update stands for; `update` itself when nothing was left out.
 *
 * @param before as it was loaded, or merged, last; whole
 * @returns undefined when segments that were left out are not in `before`, or what both have differs: the list has to be loaded whole
 */
export function mergeDelta(before: MediaPlaylist | undefined, update: MediaPlaylist): MediaPlaylist | undefined {
  const { skippedSegments = 0, ...rest } = update;
  if (skippedSegments === 0) return rest;
  if (!before) return undefined;
  const from = update.mediaSequence - before.mediaSequence;
  const known = before.segments.filter(({ uri }) => uri !== '');
  if (from < 0 || from + skippedSegments > known.length) return undefined;
  const skipped = known.slice(from, from + skippedSegments);
  const agrees = update.segments.every((segment, i) => {
    const same = known[from + skippedSegments + i];
    return !same || segment.uri === '' || (same.uri === segment.uri && sameRange(same, segment));
  });
  if (!agrees || update.segments.some(({ key }) => key !== undefined)) return undefined;
  // An EXT-X-MAP that was left out with its segment still holds (4.4.5.2).
  const { map } = skipped.at(-1)!;
  const listed = update.segments.map((segment) => (segment.map || !map ? segment : { ...segment, map }));
  return { ...rest, segments: [...skipped, ...listed] };
}

function sameRange(a: PlaylistSegment, b: PlaylistSegment): boolean {
  return a.byteRange?.offset === b.byteRange?.offset && a.byteRange?.length === b.byteRange?.length;
}

/**
 * Restores the segments that a Playlist Delta Update skips.
 * In: the previous playlist, the update. Out: the complete playlist; undefined if the two do not fit. Pure.
 * RFC 8216bis 6.2.5.1.
 */
import type { MediaPlaylist, PlaylistSegment } from '@oxbow/media/m3u8/playlist';

/**
 * An update is requested only while the previous playlist is younger than this fraction of CAN-SKIP-UNTIL
 * (6.3.7).
 */
const FRESH_FOR = 0.5;

/**
 * Whether the next reload may request a Delta Update.
 *
 * @param ageMs time since the playlist was loaded, ms
 */
export function canRequestDelta(list: MediaPlaylist, ageMs: number): boolean {
  const skipUntilS = list.serverControl?.canSkipUntilS;
  if (skipUntilS === undefined || ageMs > FRESH_FOR * skipUntilS * 1000) return false;
  // After the skipped segments, EXT-X-KEY:METHOD=NONE cannot be distinguished from no tag.
  return list.segments.every(({ key }) => key === undefined);
}

/**
 * The complete playlist of an update; `update` itself if it skips nothing.
 *
 * @param before the previous playlist, complete
 * @returns undefined if `before` lacks skipped segments, or the common segments differ: the complete playlist
 *   must be loaded
 */
export function mergeDelta(before: MediaPlaylist | undefined, update: MediaPlaylist): MediaPlaylist | undefined {
  const { skippedSegments = 0, ...playlist } = update;
  if (skippedSegments === 0) return playlist;
  if (!before) return undefined;
  const from = update.mediaSequence - before.mediaSequence;
  const listedSegments = before.segments.filter(({ uri }) => uri !== '');
  if (from < 0 || from + skippedSegments > listedSegments.length) return undefined;
  const skipped = listedSegments.slice(from, from + skippedSegments);
  const agrees = update.segments.every((segment, i) => {
    const same = listedSegments[from + skippedSegments + i];
    return !same || segment.uri === '' || (same.uri === segment.uri && sameRange(same, segment));
  });
  if (!agrees || update.segments.some(({ key }) => key !== undefined)) return undefined;
  // A skipped EXT-X-MAP still applies to later segments (4.4.5.2).
  const { map } = skipped.at(-1)!;
  const listed = update.segments.map((segment) => (segment.map || !map ? segment : { ...segment, map }));
  return { ...playlist, segments: [...skipped, ...listed] };
}

function sameRange(a: PlaylistSegment, b: PlaylistSegment): boolean {
  return a.byteRange?.offset === b.byteRange?.offset && a.byteRange?.length === b.byteRange?.length;
}

/**
 * The end of a live window as media that can be decoded: its last picture is the last one of the publisher.
 * In: segments of a live window. Out: an initialization section and whole segments. Pure.
 */
import { concatBytes } from '@oxbow/media/bytes';
import { printInit } from '@oxbow/media/isobmff/init';
import type { LiveSegment } from '../../packager/live-segment.ts';

/** At most this many segments are decoded: a segment of an early playlist may begin without a key frame. */
const MOST_SEGMENTS = 3;

/**
 * The last segments of a publisher, from one that begins with a key frame on; undefined if they have no video
 * or have left memory.
 *
 * @param segments oldest first
 */
export function lastPictures(segments: readonly LiveSegment[]): Uint8Array | undefined {
  const sealed = segments.filter(({ sealed, run }) => sealed && !run.isFill);
  const last = sealed.at(-1);
  const video = last?.init.tracks.find(({ kind }) => kind === 'video');
  if (!last || !video) return undefined;
  const pieces: Uint8Array[] = [];
  for (const segment of sealed.slice(-MOST_SEGMENTS).toReversed()) {
    const bytes = segment.bytes?.get(video.id);
    if (!bytes || segment.init !== last.init) return undefined;
    pieces.unshift(bytes);
    if (segment.sealed?.tracks.get(video.id)?.independent) return concatBytes([printInit([video]), ...pieces]);
  }
  return undefined;
}

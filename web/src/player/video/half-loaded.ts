/**
 * The segment in which playback joined the live playlist at one of its later Parts. hls.js counts it as
 * loaded, and fetches nothing for a position before that Part: a paused picture would wait for ever, and one
 * that plays would skip to the Part.
 * In: the position of a seek, loaded ranges. Out: what to drop first, so that it is fetched. Pure.
 */

/**
 * The loaded media may end this long before the segment does in the playlist, and nothing of the next segment
 * may be dropped, seconds.
 */
const MARGIN_S = 0.05;

/** Media to drop, media seconds. */
interface HalfLoaded {
  readonly fromS: number;
  readonly toS: number;
}

/**
 * The segment of a position, if only media after the position is loaded of it.
 *
 * @param atS media seconds
 * @param segments of the playlist, media seconds
 * @returns null if nothing need be dropped
 */
export function halfLoaded(
  atS: number,
  { buffered, segments }: { buffered: TimeRanges; segments: readonly { start: number; duration: number }[] },
): HalfLoaded | null {
  const segment = segments.find(({ start, duration }) => start <= atS && atS < start + duration);
  if (!segment) return null;
  const toS = segment.start + segment.duration - MARGIN_S;
  let isHalf = false;
  for (let index = 0; index < buffered.length; index++) {
    const startS = buffered.start(index);
    if (startS <= atS && atS < buffered.end(index)) return null;
    if (atS < startS && startS < toS) isHalf = true;
  }
  return isHalf ? { fromS: segment.start, toS } : null;
}

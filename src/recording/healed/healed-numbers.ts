/**
 * Numbers of media that was found later: they never meet those of media that the stream recorded itself,
 * whose order by number is that of time. docs/decisions/0112, docs/media.md 14.
 * In: segment numbers, times. Out: segment numbers. Pure.
 */
import { leastMsnAt } from '../../store/msn-marks.ts';

/** Segments that were found later have this number or a higher one; a stream never has so many. */
const FIRST_HEALED_MSN = 2 ** 44;

/** Whether a segment was found later. */
export function isHealedMsn(msn: number): boolean {
  return msn >= FIRST_HEALED_MSN;
}

/** The least number of found media that begins at a time. @param us µs since 1970 */
export function leastHealedMsnAt(us: number): number {
  return FIRST_HEALED_MSN + Math.max(0, leastMsnAt(us / 1000));
}

/**
 * The number that a live segment of the same time could have: content keys change with it.
 *
 * @returns the number itself, unless the segment was found later
 */
export function liveMsnOf(msn: number): number {
  return isHealedMsn(msn) ? msn - FIRST_HEALED_MSN : msn;
}

/** Added to a revision for each segment that was found later. */
const FOUND_WEIGHT = 2 ** 16;

/**
 * The revision of a window. Where damage takes as many segments as are found later, it is another one.
 *
 * @param segments all segments of the window
 * @param found those that were found later
 */
export function revisionOf(segments: number, found: number): number {
  return segments + FOUND_WEIGHT * found;
}

/**
 * The range that plays in a loop.
 * In: a range, the time of the picture. Out: whether the range holds it or has been played. Pure. Times are
 * unix milliseconds.
 */
import type { MediaState } from '../media/state.ts';

/** Shorter ranges are not looped, milliseconds. */
const SHORTEST_MS = 100;

/** A range as it can be looped; null if it is too short. */
export function loopOf(range: MediaState['loop']): MediaState['loop'] {
  return range && range.toMs - range.fromMs >= SHORTEST_MS ? range : null;
}

/** Whether a time is in the range. */
export function isInLoop(range: MediaState['loop'], atMs: number | null): boolean {
  return range !== null && atMs !== null && atMs >= range.fromMs && atMs < range.toMs;
}

/**
 * Whether the last frame of the range is shown.
 *
 * @param frameS duration of a frame, seconds
 */
export function isLoopOver(range: MediaState['loop'], shownMs: number | null, frameS: number): boolean {
  return range !== null && shownMs !== null && shownMs >= range.toMs - frameS * 500;
}

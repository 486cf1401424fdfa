/**
 * Between the media element's clock and UTC. Media time runs on without the holes that a playlist leaves out, so all mapping goes
 * by fragment, never by one offset.
 * In: the fragments of a loaded playlist. Out: the player. Pure.
 */

/** What is needed of a fragment of hls.js. */
export interface TimedFragment {
  /** Media time of its first frame, seconds. */
  readonly start: number;
  /** Seconds. */
  readonly duration: number;
  /** UTC of its first frame, unix milliseconds; null where the playlist does not say. */
  readonly programDateTime: number | null;
}

/**
 * UTC of a media time. Outside of the list it runs on from the nearest fragment.
 *
 * @param mediaSeconds media time, seconds
 * @returns unix milliseconds; null where the list has no dates
 */
export function timeAt(fragments: readonly TimedFragment[], mediaSeconds: number): number | null {
  let best: TimedFragment | undefined;
  for (const fragment of fragments) {
    if (fragment.programDateTime === null) continue;
    if (best && fragment.start > mediaSeconds) break;
    best = fragment;
  }
  return best ? best.programDateTime! + (mediaSeconds - best.start) * 1000 : null;
}

/**
 * Media time of a moment; in a hole, the start of the first fragment after it.
 *
 * @param atMs unix milliseconds
 * @returns seconds; null where the moment lies before the list, after its end, or the list has no dates
 */
export function positionOf(fragments: readonly TimedFragment[], atMs: number): number | null {
  let before = true;
  for (const { start, duration, programDateTime } of fragments) {
    if (programDateTime === null) continue;
    if (atMs < programDateTime) return before ? null : start;
    if (atMs < programDateTime + duration * 1000) return start + (atMs - programDateTime) / 1000;
    before = false;
  }
  return null;
}

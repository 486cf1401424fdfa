/**
 * Converts between the clock of the media element and UTC. Media time omits the holes that a playlist leaves
 * out, so the conversion goes by fragment, never by one offset.
 * In: the fragments of a loaded playlist. Out: the player. Pure.
 */

/** The fields of an hls.js fragment that are used. */
export interface TimedFragment {
  /** Media time of its first frame, seconds. */
  readonly start: number;
  /** Seconds. */
  readonly duration: number;
  /** UTC of its first frame, unix milliseconds; null if the playlist has no date. */
  readonly programDateTime: number | null;
}

/**
 * UTC of a media time. Outside of the playlist it continues from the nearest fragment.
 *
 * @param mediaSeconds media time, seconds
 * @returns unix milliseconds; null if the playlist has no dates
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
 * Media time of a UTC time; in a hole, the start of the first fragment after it.
 *
 * @param atMs unix milliseconds
 * @returns seconds; null if the time is outside of the playlist, or the playlist has no dates
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

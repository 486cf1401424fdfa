/**
 * A run: a stretch of continuous media with one constant UTC offset (docs/media.md 1).
 * In: live/stream, which fixes the UTC offset before the first frame. Out: packager, recording, playlists.
 * Pure.
 */

/** Origin of the UTC offset of a run. */
export type RunClock = 'source' | 'arrival';

/** UTC of any instant of the run = `utcOffsetUs` + pts, for all of its tracks. Immutable. */
export interface Run {
  /** 1 and up, never used twice within a stream. */
  readonly id: number;
  /** Microseconds since 1970 at pts 0; may be negative. */
  readonly utcOffsetUs: number;
  readonly clock: RunClock;
  /** It shows a picture in live playlists while the publisher is away; it is never recorded. */
  readonly isFill?: true;
}

/**
 * Microseconds of `ticks`, to the nearest.
 *
 * @param timescale ticks per second
 */
export function ticksToUs(ticks: number, timescale: number): number {
  // Whole seconds first: already ticks * 1e6 would exceed 2^53 after 27 hours of a 90 kHz clock.
  const seconds = Math.floor(ticks / timescale);
  return seconds * 1_000_000 + Math.round(((ticks - seconds * timescale) * 1_000_000) / timescale);
}

/**
 * Ticks nearest to `us`.
 *
 * @param us microseconds, may be negative
 * @param timescale ticks per second
 */
export function usToTicks(us: number, timescale: number): number {
  const seconds = Math.floor(us / 1_000_000);
  return seconds * timescale + Math.round(((us - seconds * 1_000_000) * timescale) / 1_000_000);
}

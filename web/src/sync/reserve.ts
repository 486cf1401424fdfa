/**
 * How much media a picture that runs dry again and again is given, before it plays on.
 * In: that it has run dry. Out: a reserve, ms: none at first, then twice as much each time. Pure.
 */

/** Runs dry again within this time, ms. */
const AGAIN_MS = 60_000;
const FIRST_MS = 4_000;
const LONGEST_MS = 10_000;

/** The reserve of one picture. Times are of a steady clock, ms. */
export interface Reserve {
  /** How far ahead of the room it waits; 0: not at all. */
  readonly ms: number;
  readonly ranDryAtMs: number;
  /** When the frame was shown at which it last ran dry: a stand-still counts once. Null without one. */
  readonly frameMs: number | null;
}

/** It has not run dry. */
export const noReserve: Reserve = { ms: 0, ranDryAtMs: Number.NEGATIVE_INFINITY, frameMs: null };

/**
 * The reserve of a picture that has run dry.
 *
 * @param frameMs when its last frame was shown; null without one
 */
export function nextReserve(reserve: Reserve, frameMs: number | null, nowMs: number): Reserve {
  let { ms } = reserve;
  if (frameMs !== reserve.frameMs) {
    const isAgain = nowMs - reserve.ranDryAtMs < AGAIN_MS;
    ms = isAgain ? Math.min(LONGEST_MS, Math.max(FIRST_MS, 2 * ms)) : 0;
  }
  return { ms, ranDryAtMs: nowMs, frameMs };
}

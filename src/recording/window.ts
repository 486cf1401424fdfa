/**
 * The windows of the past: ten minutes each, at the same instants for everyone (docs/media.md 16).
 * In: an instant. Out: the window that it lies in. Pure.
 */

/** Length of a window, µs. */
export const WINDOW_US = 600_000_000;

/**
 * Start of the window that `us` lies in.
 *
 * @param us µs since 1970
 */
export function windowOf(us: number): number {
  return Math.floor(us / WINDOW_US) * WINDOW_US;
}

/**
 * The instant before which everything of a stream is gone: a ten-minute mark.
 *
 * @param nowMs UTC, ms since 1970
 * @param keepMs how long is kept, ms
 * @returns µs since 1970
 */
export function horizonUs(nowMs: number, keepMs: number): number {
  return windowOf((nowMs - keepMs) * 1000);
}

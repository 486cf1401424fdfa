/**
 * Windows of a recording: ten minutes each, aligned to UTC (docs/media.md 16).
 * In: an instant. Out: its window. Pure.
 */

/** Length of a window, µs. */
export const WINDOW_US = 600_000_000;

/**
 * Start of the window that contains `us`.
 *
 * @param us µs since 1970
 */
export function windowOf(us: number): number {
  return Math.floor(us / WINDOW_US) * WINDOW_US;
}

/**
 * The horizon of retention by the wall clock: media before it is deleted. A ten-minute mark.
 *
 * @param nowMs UTC, ms since 1970
 * @param keepMs retention time, ms
 * @returns µs since 1970
 */
export function horizonUs(nowMs: number, keepMs: number): number {
  return windowOf((nowMs - keepMs) * 1000);
}

/**
 * The total latency of the last minute, for the curve in the latency popover.
 * In: one measurement a second. Out: the points of a line. Pure.
 */

/** Number of kept measurements. */
const KEPT = 60;

/**
 * Appends a measurement and drops those older than a minute.
 *
 * @param seconds null without a measurement: a break in the line
 */
export function appendLatency(log: readonly (number | null)[], seconds: number | null): (number | null)[] {
  return [...log.slice(1 - KEPT), seconds];
}

/** A curve to draw. */
interface LatencyCurve {
  /** `d` of an SVG path; empty if there is nothing to draw. */
  readonly path: string;
  /** Value of the upper edge, seconds. */
  readonly topS: number;
  /** Height of a level on the same scale; for the target. */
  readonly y: (seconds: number) => number;
}

/** Round values for the upper edge, seconds. */
const tops = [1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600];

/**
 * The curve in a box: zero at the bottom, the newest at the right edge.
 *
 * @param width of the box, any unit
 * @param height of the box, same unit
 * @param levelS a level that must be inside, seconds; null for none
 */
export function latencyCurve(
  log: readonly (number | null)[],
  width: number,
  height: number,
  levelS: number | null,
): LatencyCurve {
  const largest = log.reduce<number>((most, value) => Math.max(most, value ?? 0), levelS ?? 0);
  const topS = tops.find((top) => top >= largest) ?? Math.ceil(largest / 600) * 600;
  const y = (seconds: number) => height - (Math.min(seconds, topS) / topS) * height;
  let path = '';
  let drawing = false;
  log.forEach((value, index) => {
    if (value !== null) {
      const x = width - ((log.length - 1 - index) * width) / (KEPT - 1);
      path += `${drawing ? 'L' : 'M'}${x.toFixed(1)} ${y(value).toFixed(1)}`;
    }
    drawing = value !== null;
  });
  return { path, topS, y };
}

/**
 * The last minute of the distance to now, for the small curve in the latency popover.
 * In: one measurement a second. Out: the points of a line. Pure.
 */

/** How many measurements are kept. */
const KEPT = 60;

/**
 * The measurements with one more at the end, the oldest dropped beyond a minute.
 *
 * @param seconds null where there was none: a break in the line
 */
export function appendLatency(log: readonly (number | null)[], seconds: number | null): (number | null)[] {
  return [...log.slice(1 - KEPT), seconds];
}

/** A curve to draw. */
export interface LatencyCurve {
  /** `d` of an SVG path; empty where there is nothing to draw. */
  readonly path: string;
  /** What the upper edge stands for, seconds. */
  readonly topS: number;
  /** Height of a level on the same scale; for the target. */
  readonly y: (seconds: number) => number;
}

/** Round numbers for the upper edge, seconds. */
const tops = [1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600];

/**
 * The curve in a box, from zero at the bottom, newest at the right edge.
 *
 * @param width of the box, any unit
 * @param height of the box, same unit
 * @param levelS a level that must be in the box too, seconds; null where there is none
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

/**
 * The activity curve of the timeline bar, of the bitrate and the change of the picture: which range to
 * request for a view, and its outline.
 * In: views, ActivityView. Out: requests, an SVG path. Pure.
 */
import type { ActivityView } from '../../../src/api/measure/activity.ts';
import type { View } from './view.ts';

/** Steps of a view, at most: a curve needs no more. */
const MOST_STEPS = 240;
/** Shortest step of the server, seconds. */
const LEAST_STEP_S = 5;
/** A bitrate that rises by less than this share of its highest value says nothing. */
const LEAST_RISE = 0.15;
/** A smaller change of the picture is noise of the camera or the encoder; of 255. */
const LEAST_CHANGE = 1;
/** Bitrates outside of these shares of all values are cut: one key frame must not flatten an hour. */
const LOW = 0.05;
const HIGH = 0.98;
/** Height of the drawing; its width is a hundred per cent of the bar. */
export const HEIGHT = 100;

/** A request for a view. */
interface ActivityRequest {
  /** Unix milliseconds, on the grid of the steps. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Seconds. */
  readonly resS: number;
}

/**
 * The request for a view, with half a view on both sides: on a grid, so that small moves send none.
 *
 * @param firstMs the oldest kept time, unix milliseconds
 * @param nowMs unix milliseconds
 * @returns null if the view has no past
 */
export function activityRequest(view: View, firstMs: number, nowMs: number): ActivityRequest | null {
  const lengthMs = view.toMs - view.fromMs;
  const resS = Math.max(1, Math.ceil(lengthMs / 1000 / MOST_STEPS / LEAST_STEP_S)) * LEAST_STEP_S;
  const gridMs = Math.max(resS * 1000, lengthMs / 2);
  // Whole: the times of a room have fractions, which the server does not take.
  const fromMs = Math.floor(Math.max(firstMs, Math.floor(view.fromMs / gridMs - 1) * gridMs));
  const toMs = Math.floor(Math.min(nowMs, Math.ceil(view.toMs / gridMs + 1) * gridMs));
  return toMs - fromMs < 2000 * resS ? null : { fromMs, toMs, resS };
}

/** How high each bitrate is between the low and the high ones, 0 to 1; 0 for all if they are about equal. */
function bitrateHeights(values: ActivityView['values']): (number | null)[] {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
  const [low, high] = [at(LOW), at(HIGH)];
  const isFlat = high <= 0 || (high - low) / high < LEAST_RISE;
  const height = (value: number) => (isFlat ? 0 : Math.min(1, Math.max(0, (value - low) / (high - low))));
  return values.map((value) => (value === null ? null : height(value)));
}

/**
 * How high each change is between the usual and the largest one, 0 to 1. The root shows small changes next to
 * a cut.
 */
function changeHeights(changes: ActivityView['changes']): number[] {
  const sorted = changes.filter((change) => change !== null).sort((a, b) => a - b);
  const usual = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
  const rise = (sorted.at(-1) ?? 0) - usual;
  if (rise < LEAST_CHANGE) return changes.map(() => 0);
  return changes.map((change) => Math.sqrt(Math.max(0, (change ?? usual) - usual) / rise));
}

/**
 * The outline of the curve in a view, in units of one per cent of the bar's width and of HEIGHT: at each step
 * the higher of the bitrate and the change of the picture.
 *
 * @param firstMs the oldest kept time, unix milliseconds: the first step may begin before it
 * @returns an SVG path; empty if the curve is flat
 */
export function activityPath({ from, res, values, changes }: ActivityView, view: View, firstMs: number): string {
  const ofChange = changeHeights(changes);
  const heights = bitrateHeights(values).map((height, step) =>
    height === null ? null : Math.max(height, ofChange[step] ?? 0),
  );
  if (!heights.some((height) => height !== null && height > 0)) return '';
  const fromMs = Date.parse(from);
  const across = (step: number) => {
    const atMs = Math.max(firstMs, fromMs + step * res * 1000);
    const x = (100 * (atMs - view.fromMs)) / (view.toMs - view.fromMs);
    return Math.round(x * 100) / 100;
  };
  const up = (height: number) => Math.round(HEIGHT * (1 - height));
  let path = '';
  let isOpen = false;
  for (const [step, value] of heights.entries()) {
    const next = heights[step + 1] ?? null;
    if (value === null || across(step + 1) <= Math.max(0, across(0)) || across(step) >= 100) continue;
    if (!isOpen) path += `M${across(step)} ${HEIGHT}V${up(value)}`;
    path += `H${across(step + 1)}`;
    isOpen = next !== null && across(step + 1) < 100;
    path += isOpen ? `V${up(next!)}` : `V${HEIGHT}Z`;
  }
  return path;
}

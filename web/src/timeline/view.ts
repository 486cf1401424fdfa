/**
 * The geometry of the timeline bar: the shown range, positions of stretches and times, targets of keys.
 * In: times in unix milliseconds, widths in CSS pixels. Out: the bar. Pure.
 */

import type { Past, Stretch } from '../time/past.ts';
import type { TimeSpan } from '../time/span.ts';

/** The shown range [fromMs, toMs), unix milliseconds. */
export type View = TimeSpan;

/** A drawn stretch: left edge and width in per cent of the bar. */
export interface DrawnStretch extends Stretch {
  readonly left: number;
  readonly width: number;
}

/**
 * The stretches to draw: cut to the view; stretches of one kind that touch on the screen are merged; deleted
 * and offline first, then media, gaps last and at least 3 px wide, so that every gap is visible.
 *
 * @param widthPx width of the bar, CSS pixels
 */
export function drawStretches(past: Past, view: View, widthPx: number): DrawnStretch[] {
  const length = view.toMs - view.fromMs;
  const pixelMs = length / Math.max(1, widthPx);
  const layers: Record<Stretch['kind'], Stretch[]> = { offline: [], media: [], gap: [], deleted: [] };
  for (const stretch of past.stretches) {
    const fromMs = Math.max(stretch.fromMs, view.fromMs);
    const toMs = Math.min(stretch.toMs, view.toMs);
    if (toMs <= fromMs) continue;
    const layer = layers[stretch.kind];
    const last = layer.at(-1);
    if (last && fromMs - last.toMs < pixelMs) layer[layer.length - 1] = { ...last, toMs };
    else layer.push({ ...stretch, fromMs, toMs });
  }
  const draw = (stretch: Stretch, leastPx: number): DrawnStretch => {
    const width = Math.max(stretch.toMs - stretch.fromMs, leastPx * pixelMs);
    const left = Math.min(stretch.fromMs, view.toMs - width);
    return { ...stretch, left: (100 * (left - view.fromMs)) / length, width: (100 * width) / length };
  };
  return [
    ...layers.deleted.map((stretch) => draw(stretch, 1)),
    ...layers.offline.map((stretch) => draw(stretch, 1)),
    ...layers.media.map((stretch) => draw(stretch, 1)),
    ...layers.gap.map((stretch) => draw(stretch, 3)),
  ];
}

/**
 * The position of a time on the bar.
 *
 * @returns per cent of the bar, clamped to 0…100
 */
export function place(view: View, atMs: number): number {
  return Math.min(100, Math.max(0, (100 * (atMs - view.fromMs)) / (view.toMs - view.fromMs)));
}

/**
 * The time at a point of the bar.
 *
 * @param fraction 0 at the left edge, 1 at the right; clamped
 * @returns unix milliseconds
 */
export function momentAt(view: View, fraction: number): number {
  return view.fromMs + Math.min(1, Math.max(0, fraction)) * (view.toMs - view.fromMs);
}

const MINUTE = 60_000;

/** The effect of a key on the bar: a time to seek to, `live`, or nothing. */
type KeyMove = { readonly toMs: number } | 'live' | null;

/**
 * The effect of a slider key: arrows 5 s, with Shift a minute, Page Up and Down a twelfth of the view but at
 * least 5 min, Home the oldest kept time, End live.
 *
 * @param shownMs the shown time, unix milliseconds
 * @param nowMs a move to or past it is live
 * @param firstMs the oldest kept time, unix milliseconds; no move goes further back; 0: unknown
 */
export function keyMove(
  press: { readonly key: string; readonly shiftKey?: boolean },
  shownMs: number,
  view: View,
  nowMs: number,
  firstMs = 0,
): KeyMove {
  const arrow = press.shiftKey ? MINUTE : 5_000;
  const page = Math.max(5 * MINUTE, (view.toMs - view.fromMs) / 12);
  const by: Readonly<Record<string, number>> = {
    ArrowLeft: -arrow,
    ArrowDown: -arrow,
    ArrowRight: arrow,
    ArrowUp: arrow,
    PageDown: -page,
    PageUp: page,
  };
  if (press.key === 'Home') return { toMs: firstMs || view.fromMs };
  if (press.key === 'End') return 'live';
  const step = by[press.key];
  if (step === undefined) return null;
  return shownMs + step >= nowMs ? 'live' : { toMs: Math.max(firstMs, shownMs + step) };
}

/** Factor of one press of a zoom key. */
const ZOOM_STEP = 1.6;

/** The effect of a key on the zoom: a factor, above 1 zooms in, `all`, or nothing. */
export function zoomKey(key: string): number | 'all' | null {
  if (key === '+' || key === '=') return ZOOM_STEP;
  if (key === '-' || key === '_' || key === '−') return 1 / ZOOM_STEP;
  return key === '0' ? 'all' : null;
}

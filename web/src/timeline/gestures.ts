/**
 * Wheel and touch gestures on the bar: zoom factors and pan distances.
 * In: values of wheel and pointer events. Out: zooms and moves. Pure.
 */
import type { View } from './view.ts';

/** The fields of a wheel event that are used. */
export interface WheelTurn {
  readonly deltaX: number;
  readonly deltaY: number;
  /** 0 pixels, 1 lines, 2 pages, as in `WheelEvent`. */
  readonly deltaMode: number;
  /** Also true for a touchpad pinch. */
  readonly ctrlKey: boolean;
  readonly shiftKey: boolean;
}

/** The effect of one turn of the wheel. */
type WheelMove =
  /** Above 1 zooms in. */
  | { readonly kind: 'zoom'; readonly factor: number }
  /** CSS pixels; positive moves forward in time. */
  | { readonly kind: 'pan'; readonly px: number };

const unitPx = [1, 18, 120];
/** A notch of a mouse wheel, about 100 px, zooms by a quarter. */
const ZOOM_PER_PX = 0.0022;
/** Touchpads report far smaller numbers. */
const PINCH_PER_PX = 0.011;
/** No single event zooms by more than this. */
const MOST = 2;

/** Vertical zooms, horizontal (or with Shift) pans. */
export function wheelMove(turn: WheelTurn): WheelMove {
  const unit = unitPx[turn.deltaMode] ?? 1;
  const x = turn.deltaX * unit;
  const y = turn.deltaY * unit;
  if (!turn.ctrlKey && (turn.shiftKey || Math.abs(x) > Math.abs(y))) return { kind: 'pan', px: x || y };
  const factor = Math.exp(-y * (turn.ctrlKey ? PINCH_PER_PX : ZOOM_PER_PX));
  return { kind: 'zoom', factor: Math.min(MOST, Math.max(1 / MOST, factor)) };
}

/** Positions of two fingers on the bar as fractions of its width; may be outside of 0…1. */
export type Fingers = readonly [number, number];

/** Smallest distance between two fingers, as a fraction of the width; limits the zoom when they meet. */
const LEAST_APART = 0.02;

/**
 * The view that keeps the time under each finger since the second finger was put down.
 *
 * @param start the view then
 * @param before positions of the fingers then
 * @param fingers positions of the fingers now
 * @returns not clamped
 */
export function pinchView(start: View, before: Fingers, fingers: Fingers): View {
  const length = start.toMs - start.fromMs;
  const apartBefore = Math.max(LEAST_APART, Math.abs(before[1] - before[0]));
  const apart = Math.max(LEAST_APART, Math.abs(fingers[1] - fingers[0]));
  const next = (length * apartBefore) / apart;
  const middleMs = start.fromMs + ((before[0] + before[1]) / 2) * length;
  const fromMs = middleMs - ((fingers[0] + fingers[1]) / 2) * next;
  return { fromMs, toMs: fromMs + next };
}

/** A shorter drag is a tap, CSS pixels. */
export const TAP_PX = 5;

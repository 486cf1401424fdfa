/**
 * What wheels and fingers mean on the bar: how much to zoom, how far to move.
 * In: numbers of wheel and pointer events. Out: zooms and moves. Pure.
 */
import type { View } from './view.ts';

/** What is needed of a wheel event. */
export interface WheelTurn {
  readonly deltaX: number;
  readonly deltaY: number;
  /** 0 pixels, 1 lines, 2 pages; as `WheelEvent`. */
  readonly deltaMode: number;
  /** True for a pinch on a touchpad too. */
  readonly ctrlKey: boolean;
  readonly shiftKey: boolean;
}

/** What a turn of the wheel asks for. */
export type WheelMove =
  /** Above 1 shows less. */
  | { readonly kind: 'zoom'; readonly factor: number }
  /** CSS pixels; positive moves on in time. */
  | { readonly kind: 'pan'; readonly px: number };

const unitPx = [1, 18, 120];
/** A notch of a mouse wheel, about 100 px, zooms by a quarter. */
const ZOOM_PER_PX = 0.0022;
/** Fingers on a touchpad give far smaller numbers. */
const PINCH_PER_PX = 0.011;
/** No single event zooms by more than this. */
const MOST = 2;

/** Up and down zooms, sideways (or with Shift) pans. */
export function wheelMove(turn: WheelTurn): WheelMove {
  const unit = unitPx[turn.deltaMode] ?? 1;
  const x = turn.deltaX * unit;
  const y = turn.deltaY * unit;
  if (!turn.ctrlKey && (turn.shiftKey || Math.abs(x) > Math.abs(y))) return { kind: 'pan', px: x || y };
  const factor = Math.exp(-y * (turn.ctrlKey ? PINCH_PER_PX : ZOOM_PER_PX));
  return { kind: 'zoom', factor: Math.min(MOST, Math.max(1 / MOST, factor)) };
}

/** Where two fingers are on the bar, as shares of its width; may lie outside of 0…1. */
export type Fingers = readonly [number, number];

/** Fingers nearer than this are taken to be this far apart, as a share of the width: else a slip would zoom without end. */
const LEAST_APART = 0.02;

/**
 * The view that keeps under both fingers what was there when the second one came down.
 *
 * @param start the view then
 * @param before where the fingers were then
 * @param fingers where they are
 * @returns not yet held to what may be shown
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

/** A drag shorter than this is a tap, CSS pixels. */
export const TAP_PX = 5;

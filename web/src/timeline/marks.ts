/**
 * Markers, protected spans and gaps: the marker near the pointer, and the next one for keys and buttons.
 * In: the past and its marks. Out: times. Pure.
 */
import type { Past, Stretch } from '../time/past.ts';
import type { Marker, Pin } from './tiles.ts';
import type { View } from './view.ts';

/** Markers and protected spans. */
export interface Marks {
  readonly markers: readonly Marker[];
  readonly pins: readonly Pin[];
}

/**
 * The marker at the pointer: the nearest within some pixels.
 *
 * @param atMs the time at the pointer
 * @param pixelMs milliseconds per CSS pixel of the bar
 */
export function markerNear(
  markers: readonly Marker[],
  atMs: number,
  pixelMs: number,
  withinPx = 6,
): Marker | undefined {
  const away = (marker: Marker) => Math.abs(marker.atMs - atMs);
  return markers.filter((marker) => away(marker) <= withinPx * pixelMs).sort((a, b) => away(a) - away(b))[0];
}

/** The protected spans that contain a time. */
export function pinsAt(pins: readonly Pin[], atMs: number): Pin[] {
  return pins.filter(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs);
}

/** A jump to a gap starts this long before it, milliseconds. */
const BEFORE_GAP_MS = 3_000;
/** A point this near after the shown time is the one that a step just went to, milliseconds. */
const ARRIVED_MS = 500;
/** A second step back within this time goes one further back, although playback continued. Milliseconds. */
const PLAYED_ON_MS = 2_500;

/** What a step goes to. */
export type PointKind = 'marker' | 'pin' | 'gap';

/** A time to step to: a marker, the start of a protected span, the seconds before a gap. */
export interface Point {
  readonly kind: PointKind;
  /** Unix milliseconds. */
  readonly atMs: number;
  /** Of a marker or a protected span; may be empty. */
  readonly text: string;
}

/** Which point to find. */
export interface PointQuery {
  /** Unix milliseconds. */
  readonly atMs: number;
  /** False: the previous one. */
  readonly forward: boolean;
  /** Omitted: any. */
  readonly kind?: PointKind;
  /** `atMs` is what a player shows, which plays on after a step. */
  readonly playing?: boolean;
}

/** The next or previous marker, start of a protected span, or gap in a known past; null if that has none. */
export function nextPoint(
  past: Past,
  { markers, pins }: Marks,
  { atMs, forward, kind, playing = false }: PointQuery,
): Point | null {
  // What begins before the known past may follow something unknown, and a gap at its edge is cut there.
  const gaps = past.stretches.filter((stretch) => stretch.kind === 'gap' && stretch.fromMs > past.fromMs);
  const spans = pins.filter(({ fromMs }) => fromMs >= past.fromMs);
  const points: readonly Point[] = [
    ...markers.map((marker) => ({ kind: 'marker' as const, atMs: marker.atMs, text: marker.text })),
    ...spans.map((pin) => ({ kind: 'pin' as const, atMs: pin.fromMs, text: pin.text })),
    ...gaps.map((gap) => ({ kind: 'gap' as const, atMs: gap.fromMs - BEFORE_GAP_MS, text: '' })),
  ]
    .filter((point) => kind === undefined || point.kind === kind)
    .sort((a, b) => a.atMs - b.atMs);
  const nearest = forward
    ? points.find((point) => point.atMs > atMs + (playing ? ARRIVED_MS : 0))
    : points.findLast((point) => point.atMs < atMs - (playing ? PLAYED_ON_MS : 0));
  return nearest ?? null;
}

/** The gaps in view, oldest first, for screen readers. */
export function gapsIn(past: Past, view: View): Stretch[] {
  return past.stretches.filter(({ kind, fromMs, toMs }) => kind === 'gap' && toMs > view.fromMs && fromMs < view.toMs);
}

/** Interval of announcements to screen readers during playback, milliseconds. */
const SPEAK_MS = 30_000;
const JUMP_MS = 1_500;

/**
 * The time to announce to screen readers: changes after a jump and each half minute, so that they do not talk
 * all the time.
 *
 * @param spokenMs the last announced time
 * @param shownMs the shown time; `beforeMs` is the one shown before it
 */
export function spokenMoment(spokenMs: number | null, shownMs: number | null, beforeMs: number | null): number | null {
  if (shownMs === null || spokenMs === null || beforeMs === null) return shownMs;
  const jumped = Math.abs(shownMs - beforeMs) > JUMP_MS;
  return jumped || Math.abs(shownMs - spokenMs) >= SPEAK_MS ? shownMs : spokenMs;
}

/**
 * Markers, protected spans and gaps: the marker near the pointer, and the next one for keys.
 * In: the past and its marks. Out: times. Pure.
 */
import type { Past, Stretch } from './past.ts';
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
/** A second step back within this time goes one further back, although playback continued. Milliseconds. */
const PLAYED_ON_MS = 2_500;

/**
 * The next marker, start of a protected span, or gap after a time; of a gap, the seconds before it.
 *
 * @param forward false: the previous one
 * @returns unix milliseconds; null if none is known
 */
export function nextPoint(past: Past, { markers, pins }: Marks, atMs: number, forward: boolean): number | null {
  const points = [
    ...markers.map((marker) => marker.atMs),
    ...pins.map((pin) => pin.fromMs),
    ...past.stretches.filter(({ kind }) => kind === 'gap').map(({ fromMs }) => fromMs - BEFORE_GAP_MS),
  ].sort((a, b) => a - b);
  const found = forward
    ? points.find((point) => point > atMs + 500)
    : points.findLast((point) => point < atMs - PLAYED_ON_MS);
  return found ?? null;
}

/** The gaps in view, oldest first, for screen readers. */
export function gapsIn(past: Past, view: View): Stretch[] {
  return past.stretches.filter(({ kind, fromMs, toMs }) => kind === 'gap' && toMs > view.fromMs && fromMs < view.toMs);
}

/** Interval of announcements to screen readers during playback, milliseconds. */
const SPEAK_MS = 30_000;
const JUMP_MS = 1_500;

/**
 * The time to announce to screen readers: changes after a jump and each half minute, so that they do not talk all the time.
 *
 * @param spokenMs the last announced time
 * @param shownMs the shown time; `beforeMs` is the one shown before it
 */
export function spokenMoment(spokenMs: number | null, shownMs: number | null, beforeMs: number | null): number | null {
  if (shownMs === null || spokenMs === null || beforeMs === null) return shownMs;
  const jumped = Math.abs(shownMs - beforeMs) > JUMP_MS;
  return jumped || Math.abs(shownMs - spokenMs) >= SPEAK_MS ? shownMs : spokenMs;
}

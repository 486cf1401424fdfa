/**
 * Points worth going to: markers, pins and gaps, for the pointer that comes near one and for the keys that go from one to the next.
 * In: the past and its marks. Out: moments. Pure.
 */
import type { Past, Stretch } from './past.ts';
import type { Marker, Pin } from './tiles.ts';
import type { View } from './view.ts';

/** What lies on the line beside the recording itself. */
export interface Marks {
  readonly markers: readonly Marker[];
  readonly pins: readonly Pin[];
}

/**
 * The marker that a pointer is at, if any: the nearest within some pixels.
 *
 * @param atMs the moment under the pointer
 * @param pixelMs milliseconds that a CSS pixel of the bar stands for
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

/** The pins that hold a moment. */
export function pinsAt(pins: readonly Pin[], atMs: number): Pin[] {
  return pins.filter(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs);
}

/** So much of what is before a gap is seen when someone goes to it, milliseconds. */
const BEFORE_GAP_MS = 3_000;
/** Going back twice goes back twice, although the picture plays on between the two. Milliseconds. */
const PLAYED_ON_MS = 2_500;

/**
 * The next marker, start of a pin, or gap from a moment on; of a gap, the seconds before it.
 *
 * @param forward false: the one before
 * @returns unix milliseconds; null where there is none among what is known
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

/** The gaps in view, oldest first, for words that tell what the eye sees. */
export function gapsIn(past: Past, view: View): Stretch[] {
  return past.stretches.filter(({ kind, fromMs, toMs }) => kind === 'gap' && toMs > view.fromMs && fromMs < view.toMs);
}

/** A word to a screen reader this often while the picture plays, milliseconds. */
const SPEAK_MS = 30_000;
const JUMP_MS = 1_500;

/**
 * The moment as a screen reader is told it: anew after a jump and each half minute, so that it does not talk all the time.
 *
 * @param spokenMs what was told last
 * @param shownMs what is shown, and `beforeMs` what was shown last
 */
export function spokenMoment(spokenMs: number | null, shownMs: number | null, beforeMs: number | null): number | null {
  if (shownMs === null || spokenMs === null || beforeMs === null) return shownMs;
  const jumped = Math.abs(shownMs - beforeMs) > JUMP_MS;
  return jumped || Math.abs(shownMs - spokenMs) >= SPEAK_MS ? shownMs : spokenMs;
}

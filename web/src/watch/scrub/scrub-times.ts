/**
 * Which pictures a scrub needs: the one under the pointer, its neighbours, and a few over the whole bar.
 * In: the past, the time under the pointer. Out: times of pictures. Pure.
 */
import type { Past } from '../../time/past.ts';
import { thumbGrid, thumbMoment } from '../../timeline/thumbs.ts';
import type { View } from '../../timeline/view.ts';
import { lengthOf } from '../../timeline/zoom.ts';

/** Where a scrub is. Unix milliseconds. */
export interface ScrubPlace {
  readonly past: Past;
  readonly view: View;
  /** Milliseconds per CSS pixel. */
  readonly pixelMs: number;
  readonly nowMs: number;
}

/** Neighbours on each side that are loaded ahead. */
const NEIGHBOURS = 3;

/** The times of the pictures around a time, the nearest first, without the one of the time itself. */
export function neighbours(atMs: number, { past, pixelMs, nowMs }: ScrubPlace): number[] {
  const grid = thumbGrid(pixelMs);
  const centreMs = thumbMoment(past, atMs, pixelMs, nowMs);
  const times = new Set<number>();
  for (let step = 1; step <= NEIGHBOURS; step++) {
    for (const at of [atMs + step * grid, atMs - step * grid]) {
      const thumbMs = thumbMoment(past, at, pixelMs, nowMs);
      if (thumbMs !== null && thumbMs !== centreMs) times.add(thumbMs);
    }
  }
  return [...times];
}

/**
 * Times spread over the view, each halfway between two before it, so that any number of them covers the bar
 * evenly.
 *
 * @param count at most this many
 */
export function spread({ past, view, pixelMs, nowMs }: ScrubPlace, count: number): number[] {
  const times = new Set<number>();
  for (let parts = 2; parts <= 4 * count && times.size < count; parts *= 2) {
    for (let part = 1; part < parts && times.size < count; part += 2) {
      const thumbMs = thumbMoment(past, view.fromMs + (lengthOf(view) * part) / parts, pixelMs, nowMs);
      if (thumbMs !== null) times.add(thumbMs);
    }
  }
  return [...times];
}

/**
 * The picture's width is this share of the bar, but at least two minutes: fine enough to aim with a finger.
 */
const WIDTH_SHARE = 1 / 4;
const LEAST_WIDTH_MS = 120_000;

/**
 * The time after a drag across the picture: a drag to the right goes forward.
 *
 * @param startMs the shown time at its start
 * @param share how far, as a share of the picture's width; negative to the left
 * @param view what the bar shows
 */
export function draggedTo(startMs: number, share: number, view: View, firstMs: number, nowMs: number): number {
  const widthMs = Math.max(LEAST_WIDTH_MS, WIDTH_SHARE * lengthOf(view));
  return Math.min(nowMs, Math.max(firstMs, startMs + share * widthMs));
}

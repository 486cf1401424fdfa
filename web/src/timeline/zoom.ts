/**
 * The shown range of the bar: zoom about a point, panning, following the playhead. A view never shows the
 * future, nor much time before the oldest recording.
 * In: times in unix milliseconds. Out: the state of the timeline. Pure.
 */
import type { View } from './view.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Shortest view: a pixel is a frame or two, precise enough to cut. Milliseconds. */
export const NEAREST_MS = MINUTE;
/**
 * With less recorded than this, the bar still shows this much: there is something to zoom into. Milliseconds.
 */
const LEAST_WHOLE_MS = 2 * MINUTE;

/** The zoom buttons: a fixed length, or everything kept. */
export type Zoom = '10m' | '2h' | '24h' | 'all';

const lengths: Readonly<Record<Exclude<Zoom, 'all'>, number>> = {
  '10m': 10 * MINUTE,
  '2h': 2 * HOUR,
  '24h': 24 * HOUR,
};

/** The state of playback and of the stream that decides the view. */
export interface ZoomInput {
  /** The server's time, unix milliseconds. */
  readonly nowMs: number;
  /** The oldest kept time; null if nothing is recorded. */
  readonly firstMs: number | null;
  /** The shown time; null if there is none. */
  readonly shownMs: number | null;
  /** Playback is at the live edge. */
  readonly live: boolean;
}

/** Length of a view, milliseconds. */
export function lengthOf(view: View): number {
  return view.toMs - view.fromMs;
}

/** Everything kept, at least two minutes. */
export function fullView({ nowMs, firstMs }: Pick<ZoomInput, 'nowMs' | 'firstMs'>): View {
  return { fromMs: Math.min(firstMs ?? nowMs, nowMs - LEAST_WHOLE_MS), toMs: nowMs };
}

/** Limits a view: not after now, not before the oldest recording, at least a minute long. */
export function clampView(view: View, seen: Pick<ZoomInput, 'nowMs' | 'firstMs'>): View {
  const whole = fullView(seen);
  const length = Math.min(lengthOf(whole), Math.max(NEAREST_MS, lengthOf(view)));
  // A view that is too long or too short keeps its middle.
  const middle = (view.fromMs + view.toMs) / 2;
  const fromMs = lengthOf(view) === length ? view.fromMs : middle - length / 2;
  const clampedMs = Math.min(whole.toMs - length, Math.max(whole.fromMs, fromMs));
  return { fromMs: clampedMs, toMs: clampedMs + length };
}

/**
 * The view after zooming, with one time kept in place.
 *
 * @param factor above 1 zooms in, below 1 zooms out
 * @param atMs the time that keeps its place
 */
export function zoomAbout(view: View, factor: number, atMs: number, seen: Pick<ZoomInput, 'nowMs' | 'firstMs'>): View {
  const most = lengthOf(fullView(seen));
  const length = Math.min(most, Math.max(NEAREST_MS, lengthOf(view) / factor));
  const share = (atMs - view.fromMs) / lengthOf(view);
  const fromMs = atMs - share * length;
  return clampView({ fromMs, toMs: fromMs + length }, seen);
}

/** The view moved by milliseconds; negative is into the past. */
export function panBy(view: View, byMs: number, seen: Pick<ZoomInput, 'nowMs' | 'firstMs'>): View {
  return clampView({ fromMs: view.fromMs + byMs, toMs: view.toMs + byMs }, seen);
}

/** Whether a time is in the view. */
export function isIn(view: View, atMs: number | null): boolean {
  return atMs !== null && atMs >= view.fromMs && atMs <= view.toMs;
}

/**
 * The clock updates once a second: a live picture may be this much newer than the end of the bar.
 * Milliseconds.
 */
const CLOCK_STEP_MS = 2_000;

/**
 * The time at which the bar draws the playhead: the end of the bar if the picture is only slightly newer;
 * unix milliseconds.
 */
export function clampToView(view: View, shownMs: number): number {
  return shownMs > view.toMs && shownMs - view.toMs < CLOCK_STEP_MS ? view.toMs : shownMs;
}

/** Whether a view shows everything kept. */
export function showsAll(view: View, seen: Pick<ZoomInput, 'nowMs' | 'firstMs'>): boolean {
  return lengthOf(view) >= lengthOf(fullView(seen)) * 0.999;
}

/**
 * The view as time passes and the playhead moves: while live it ends now; otherwise it stays until the
 * playhead leaves its inner nine tenths, and then centres it.
 *
 * @param follows false once the viewer has moved the bar away from the playhead: then the view stays
 */
export function followView(view: View, seen: ZoomInput, follows: boolean): View {
  if (!follows) return clampView(view, seen);
  const length = lengthOf(view);
  const { nowMs, shownMs, live } = seen;
  if (live || shownMs === null) return clampView({ fromMs: nowMs - length, toMs: nowMs }, seen);
  const margin = length / 20;
  const inside = shownMs >= view.fromMs + margin && shownMs <= view.toMs - margin;
  const atEnd = isIn(view, shownMs) && nowMs - view.toMs < margin && shownMs > view.toMs - margin;
  const atStart = isIn(view, shownMs) && shownMs < view.fromMs + margin && view.fromMs <= fullView(seen).fromMs + 1;
  if (inside || atEnd || atStart) return clampView(view, seen);
  return clampView({ fromMs: shownMs - length / 2, toMs: shownMs + length / 2 }, seen);
}

/** The zooms that differ from each other with what is kept. */
export function offeredZooms(seen: Pick<ZoomInput, 'nowMs' | 'firstMs'>): Zoom[] {
  const most = lengthOf(fullView(seen));
  const fixed = (Object.keys(lengths) as Exclude<Zoom, 'all'>[]).filter((zoom) => lengths[zoom] < most);
  return [...fixed, 'all'];
}

/** The button of a view; null if it is between two. */
export function zoomOf(view: View, seen: Pick<ZoomInput, 'nowMs' | 'firstMs'>): Zoom | null {
  const offered = offeredZooms(seen);
  if (offered.includes('all') && showsAll(view, seen)) return 'all';
  const near = (zoom: Zoom) => zoom !== 'all' && Math.abs(lengthOf(view) / lengths[zoom] - 1) < 0.005;
  return offered.find(near) ?? null;
}

/**
 * The view of a button: about now if the bar ends now, about the playhead if it is in view, otherwise about
 * the middle.
 *
 * @param view the current view
 */
export function zoomTo(zoom: Zoom, view: View, seen: ZoomInput): View {
  if (zoom === 'all') return fullView(seen);
  return zoomAbout(view, lengthOf(view) / lengths[zoom], zoomCentre(view, seen), seen);
}

/** The centre of a zoom by key or button: now, the playhead, or the middle of the bar. */
export function zoomCentre(view: View, { live, shownMs, nowMs }: ZoomInput): number {
  if (live && nowMs - view.toMs < lengthOf(view) / 50) return view.toMs;
  return shownMs !== null && isIn(view, shownMs) ? shownMs : (view.fromMs + view.toMs) / 2;
}

/** The initial view: everything kept, at most two hours. */
export function firstView(seen: ZoomInput): View {
  const { nowMs } = seen;
  const length = Math.min(lengthOf(fullView(seen)), lengths['2h']);
  return followView({ fromMs: nowMs - length, toMs: nowMs }, seen, true);
}

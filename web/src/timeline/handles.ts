/**
 * The two handles of a clip: their bounds, and where a drag or a key moves them.
 * In: times in unix milliseconds. Out: the clip. Pure.
 */
import type { Clip } from '../time/span.ts';

/** A handle, named by the end that it moves. */
export type Handle = 'from' | 'to';

/** The shortest clip that handles allow, and the step of Shift with an arrow: about a frame, milliseconds. */
export const FRAME_MS = 40;
/** Handles snap to the resolution of the API's times, milliseconds. */
const GRID_MS = 1;

/** The range of a handle. */
interface Bounds {
  readonly leastMs: number;
  readonly mostMs: number;
}

/**
 * The range of a handle: bounded by the other handle, the oldest kept time and now.
 *
 * @param firstMs unix milliseconds
 * @param nowMs unix milliseconds
 */
export function boundsOf(handle: Handle, clip: Clip, firstMs: number, nowMs: number): Bounds {
  if (handle === 'from') return { leastMs: firstMs, mostMs: (clip.toMs ?? nowMs) - FRAME_MS };
  return { leastMs: (clip.fromMs ?? firstMs) + FRAME_MS, mostMs: nowMs };
}

/** The clip with one handle moved to a time, clamped to its bounds. */
export function moveHandle(handle: Handle, clip: Clip, atMs: number, { leastMs, mostMs }: Bounds): Clip {
  const heldMs = Math.max(leastMs, Math.min(mostMs, Math.round(atMs / GRID_MS) * GRID_MS));
  return handle === 'from' ? { ...clip, fromMs: heldMs } : { ...clip, toMs: heldMs };
}

/**
 * The new time of a handle after a key: arrows a second, with Shift about a frame, Page Up and Down ten
 * seconds, Home and End the bounds.
 *
 * @param atMs its current time
 * @returns unix milliseconds, within the bounds; null for other keys
 */
export function handleKey(key: string, shift: boolean, atMs: number, { leastMs, mostMs }: Bounds): number | null {
  const step = shift ? FRAME_MS : 1000;
  const moves: Readonly<Record<string, number>> = {
    ArrowLeft: atMs - step,
    ArrowDown: atMs - step,
    ArrowRight: atMs + step,
    ArrowUp: atMs + step,
    PageDown: atMs - 10_000,
    PageUp: atMs + 10_000,
    Home: leastMs,
    End: mostMs,
  };
  const movedMs = moves[key];
  return movedMs === undefined ? null : Math.max(leastMs, Math.min(mostMs, movedMs));
}

/**
 * The two handles of a clip: where a drag or a key may put them.
 * In: moments in unix milliseconds. Out: the clip. Pure.
 */

/** What is marked, unix milliseconds; null: not yet. */
export interface Clip {
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

/** A handle by what it moves. */
export type Handle = 'from' | 'to';

/** The shortest clip that handles make, and what Shift with an arrow moves: about a frame, milliseconds. */
export const FRAME_MS = 40;
/** Handles stand on the grid of the API's times, milliseconds. */
const GRID_MS = 1;

/** The bounds of a handle. */
export interface Bounds {
  readonly leastMs: number;
  readonly mostMs: number;
}

/**
 * Between what a handle may move: the other handle, the first kept moment and now.
 *
 * @param firstMs unix milliseconds
 * @param nowMs unix milliseconds
 */
export function boundsOf(handle: Handle, clip: Clip, firstMs: number, nowMs: number): Bounds {
  if (handle === 'from') return { leastMs: firstMs, mostMs: (clip.toMs ?? nowMs) - FRAME_MS };
  return { leastMs: (clip.fromMs ?? firstMs) + FRAME_MS, mostMs: nowMs };
}

/** The clip with one handle put to a moment, or as near as its bounds let it. */
export function moveHandle(handle: Handle, clip: Clip, atMs: number, { leastMs, mostMs }: Bounds): Clip {
  const heldMs = Math.max(leastMs, Math.min(mostMs, Math.round(atMs / GRID_MS) * GRID_MS));
  return handle === 'from' ? { ...clip, fromMs: heldMs } : { ...clip, toMs: heldMs };
}

/**
 * Where a key puts a handle: arrows a second, with Shift about a frame, Page Up and Down ten seconds, Home and End the bounds.
 *
 * @param atMs where it stands
 * @returns unix milliseconds, within the bounds; null where the key means nothing
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

/**
 * The marks of a clip that keys and buttons set at the shown time.
 * In: the current marks, the shown time. Out: the marks after it. Pure. Times are unix milliseconds.
 */
import type { Clip } from '../time/span.ts';

/** Length of a clip that is marked with one press, milliseconds. */
const CLIP_MS = 30_000;
/** A shorter one is not worth it, milliseconds. */
const LEAST_CLIP_MS = 1_000;

/**
 * The clip with the shown time as its start or end. The other mark stays; the clip form says if they are in
 * the wrong order.
 *
 * @param shownMs null without a picture: the clip stays
 */
export function markEdge(clip: Clip, edge: 'from' | 'to', shownMs: number | null): Clip {
  if (shownMs === null) return clip;
  return { ...clip, [edge === 'from' ? 'fromMs' : 'toMs']: Math.round(shownMs) };
}

/**
 * The last half minute before the shown time, or the recorded part of it.
 *
 * @param firstMs the oldest kept time; null if nothing is recorded
 * @returns null if too little is recorded
 */
export function lastClip(shownMs: number | null, firstMs: number | null): Clip | null {
  if (shownMs === null || firstMs === null) return null;
  const toMs = Math.round(shownMs);
  const fromMs = Math.round(Math.max(firstMs, toMs - CLIP_MS));
  return toMs - fromMs < LEAST_CLIP_MS ? null : { fromMs, toMs };
}

/**
 * Which moment of a stream its card shows.
 * In: the stream as the server tells it. Out: a moment for the still's address. Pure.
 */
import type { StreamView } from '../../../src/api/shapes.ts';

/** A still this far behind now is surely there, milliseconds. */
const BEHIND_MS = 6_000;
/** Addresses of stills name moments on this grid, milliseconds; see `stillUrl`. */
const GRID_MS = 5_000;

/**
 * The moment to show: a few seconds ago while the stream is live, else the last that was recorded.
 *
 * @param nowMs unix milliseconds
 * @returns unix milliseconds, a multiple of five seconds; null where there can be no picture, or none yet
 */
export function stillMoment(stream: StreamView, nowMs: number): number | null {
  const live = stream.state === 'live';
  const from = live ? stream.liveSince : stream.recorded.from;
  const to = live ? null : stream.recorded.to;
  if (from === null || (!live && to === null)) return null;
  const endMs = to === null ? nowMs : Date.parse(to);
  const lastMs = Math.floor((endMs - BEHIND_MS) / GRID_MS) * GRID_MS;
  if (lastMs >= Date.parse(from)) return lastMs;
  const firstMs = Math.ceil(Date.parse(from) / GRID_MS) * GRID_MS;
  return !live && firstMs < endMs ? firstMs : null;
}

/**
 * The time of the still on a stream's card.
 * In: a stream of the API. Out: a time for the still's address. Pure.
 */
import type { StreamView } from '../../../src/api/shapes.ts';

/** A still this long before now exists, milliseconds. */
const BEHIND_MS = 6_000;
/** Addresses of stills are on this grid, milliseconds; see `stillUrl`. */
const GRID_MS = 5_000;

/**
 * The time to show: a few seconds ago while the stream is live, otherwise the last recorded one.
 *
 * @param nowMs unix milliseconds
 * @returns unix milliseconds, a multiple of five seconds; null if there is no still, or none yet
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

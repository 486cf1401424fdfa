/**
 * The time of the still on a stream's card, and the span that it plays.
 * In: a stream of the API. Out: times for addresses. Pure.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import { delayMsOf, mayClip, rulesFor, waitsForStart } from '../rules/past.ts';

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
  if (waitsForStart(stream)) return null;
  const live = stream.state === 'live';
  // Of a live stream with a start, nothing from before it.
  const since = rulesFor(stream)?.start ? stream.recorded.from : stream.liveSince;
  const from = live ? since : stream.recorded.from;
  const to = live ? null : stream.recorded.to;
  if (from === null || (!live && to === null)) return null;
  const endMs = to === null ? nowMs - delayMsOf(stream) : Date.parse(to);
  const lastMs = Math.floor((endMs - BEHIND_MS) / GRID_MS) * GRID_MS;
  if (lastMs >= Date.parse(from)) return lastMs;
  const firstMs = Math.ceil(Date.parse(from) / GRID_MS) * GRID_MS;
  return !live && firstMs < endMs ? firstMs : null;
}

/** Length of a preview, and the least that is worth one, milliseconds. */
const PREVIEW_MS = 10_000;
const LEAST_PREVIEW_MS = 4_000;

type PreviewStream = Pick<StreamView, 'state' | 'liveSince' | 'recorded' | 'tracks' | 'past'>;

/** A span to play, unix milliseconds. */
export interface PreviewSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * The last ten seconds that are recorded of a live stream, on the grid of stills, so that several viewers
 * request the same file.
 *
 * @returns null if the stream is not live, has no picture, or less than four seconds are recorded since it is
 */
export function previewSpan(stream: PreviewStream): PreviewSpan | null {
  const { state, liveSince, recorded, tracks } = stream;
  if (!mayClip(stream)) return null; // a preview is a clip
  if (state !== 'live' || liveSince === null || recorded.to === null) return null;
  if (!tracks.some(({ kind }) => kind === 'video')) return null;
  const toMs = Math.floor(Date.parse(recorded.to) / GRID_MS) * GRID_MS;
  const fromMs = Math.max(toMs - PREVIEW_MS, Math.ceil(Date.parse(liveSince) / 1000) * 1000);
  return toMs - fromMs < LEAST_PREVIEW_MS ? null : { fromMs, toMs };
}

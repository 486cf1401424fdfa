/**
 * The order and filter of streams on the home page, and the facts on their cards.
 * In: streams of the API. Out: the cards. Pure.
 */
import type { StreamView } from '../../../src/api/shapes.ts';

/** Number of streams from which there is a filter field. */
export const FILTER_FROM = 9;

const ranks: Readonly<Record<StreamView['state'], number>> = {
  live: 0,
  starting: 1,
  waiting: 2,
  unpublished: 3,
  offline: 4,
  ended: 5,
  paused: 6,
  stopped: 7,
};

/** Live streams first, then those that may return; within each group in the server's order. */
export function inOrder(streams: readonly StreamView[]): readonly StreamView[] {
  return streams.toSorted((a, b) => ranks[a.state] - ranks[b.state]);
}

/** The streams whose name or title contains every typed word, in upper or lower case. */
export function matching(streams: readonly StreamView[], typed: string): readonly StreamView[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  return streams.filter(({ name, title }) => words.every((word) => `${name} ${title.toLowerCase()}`.includes(word)));
}

/** Whether there is nothing but the sample stream: the first run. */
export function isFirstRun(streams: readonly StreamView[]): boolean {
  return streams.every(({ origin }) => origin === 'sample');
}

/** Short side of the largest picture in pixels, as in `720p`; undefined if there is none. */
export function heightOf({ tracks }: Pick<StreamView, 'tracks'>): number | undefined {
  const heights = tracks.flatMap(({ kind, width, height }) =>
    kind === 'video' && height ? [Math.min(height, width ?? height)] : [],
  );
  return heights.length > 0 ? Math.max(...heights) : undefined;
}

/** Whether a stream has sound and no picture. */
export function isSoundOnly({ tracks }: Pick<StreamView, 'tracks'>): boolean {
  return tracks.some(({ kind }) => kind === 'audio') && !tracks.some(({ kind }) => kind === 'video');
}

/** With less recorded, “last hour” would be misleading, milliseconds. */
const LEAST_HOUR_MS = 600_000;

/**
 * The start of the last hour, not before the oldest kept time, unix milliseconds; null if less than ten
 * minutes are recorded.
 */
export function lastHour({ recorded }: Pick<StreamView, 'recorded'>, nowMs: number): number | null {
  if (recorded.from === null || recorded.to === null || recorded.seconds * 1000 < LEAST_HOUR_MS) return null;
  const endMs = Math.min(nowMs, Date.parse(recorded.to));
  const fromMs = Math.max(Date.parse(recorded.from), endMs - 3_600_000);
  return endMs - fromMs < LEAST_HOUR_MS ? null : fromMs;
}

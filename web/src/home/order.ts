/**
 * Which streams the home page shows, in what order, and what it says of each.
 * In: the streams as the server tells them. Out: the cards. Pure.
 */
import type { StreamView } from '../../../src/api/shapes.ts';

/** From so many streams on there is a field to find one. */
export const FILTER_FROM = 9;

const ranks: Readonly<Record<StreamView['state'], number>> = {
  live: 0,
  starting: 1,
  waiting: 2,
  unpublished: 3,
  offline: 4,
  ended: 5,
  stopped: 6,
};

/** Live ones first, then those that may come back; within these as the server lists them. */
export function inOrder(streams: readonly StreamView[]): readonly StreamView[] {
  return streams.toSorted((a, b) => ranks[a.state] - ranks[b.state]);
}

/** Those whose name or title contains every word that was typed, in upper or lower case. */
export function matching(streams: readonly StreamView[], typed: string): readonly StreamView[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  return streams.filter(({ name, title }) => words.every((word) => `${name} ${title.toLowerCase()}`.includes(word)));
}

/** Whether nothing but the sample is there: someone is new here. */
export function isFirstRun(streams: readonly StreamView[]): boolean {
  return streams.every(({ origin }) => origin === 'sample');
}

/** Pixels of the short side of the largest picture, as in `720p`; undefined where there is none. */
export function heightOf({ tracks }: Pick<StreamView, 'tracks'>): number | undefined {
  const heights = tracks.flatMap(({ kind, width, height }) =>
    kind === 'video' && height ? [Math.min(height, width ?? height)] : [],
  );
  return heights.length > 0 ? Math.max(...heights) : undefined;
}

/** With less kept, “the last hour” would promise too much, milliseconds. */
const LEAST_HOUR_MS = 600_000;

/**
 * An hour ago, or the oldest kept moment where that is later: where “the last hour” begins, unix milliseconds; null where less than ten
 * minutes are kept.
 */
export function lastHour({ recorded }: Pick<StreamView, 'recorded'>, nowMs: number): number | null {
  if (recorded.from === null || recorded.to === null) return null;
  const endMs = Math.min(nowMs, Date.parse(recorded.to));
  const fromMs = Math.max(Date.parse(recorded.from), endMs - 3_600_000);
  return endMs - fromMs < LEAST_HOUR_MS ? null : fromMs;
}

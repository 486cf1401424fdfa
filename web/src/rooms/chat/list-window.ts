/**
 * Which rows of a long list are in the page: at most 240, around the end or around where the reader is.
 * In: how many rows there are. Out: the first and the last. Pure.
 */

/** Most rows in the page. */
export const MAX_ROWS = 240;
/** Rows that come with each step up or down. */
const STEP = 80;

/** Rows [from, to) of the list. */
export interface ListWindow {
  readonly from: number;
  readonly to: number;
}

export function newestRows(count: number): ListWindow {
  return { from: Math.max(0, count - MAX_ROWS), to: count };
}

/** The window after rows were added before it. */
export function shifted({ from, to }: ListWindow, added: number): ListWindow {
  return { from: from + added, to: to + added };
}

/** More rows above; as many below leave the page. */
export function withOlder({ from, to }: ListWindow): ListWindow {
  const first = Math.max(0, from - STEP);
  return { from: first, to: Math.min(to, first + MAX_ROWS) };
}

/** More rows below. */
export function withNewer({ from, to }: ListWindow, count: number): ListWindow {
  const last = Math.min(count, to + STEP);
  return { from: Math.max(from, last - MAX_ROWS), to: last };
}

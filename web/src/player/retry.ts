/**
 * When a lost list is loaded again: after 1, 2, 4, 8 and then every 15 seconds.
 * In: losses with their times. Out: the time of the next attempt. Pure. Times are of a steady clock,
 * milliseconds.
 */

const FIRST_MS = 1_000;
const LONGEST_MS = 15_000;

/** The attempts to load one list. */
export interface Retry {
  /** Failures in a row; 0 while nothing is lost. */
  readonly turns: number;
  readonly waitMs: number;
  /** When the next attempt is due; null while none is. */
  readonly dueMs: number | null;
}

/** Nothing is lost. */
export const noRetry: Retry = { turns: 0, waitMs: 0, dueMs: null };

/**
 * The list was lost, or an attempt has failed.
 *
 * @param soon the first attempt is made at once
 */
export function afterLoss({ turns, waitMs }: Retry, atMs: number, soon: boolean): Retry {
  const nextMs = turns === 0 && soon ? 0 : Math.min(LONGEST_MS, Math.max(FIRST_MS, waitMs * 2));
  return { turns: turns + 1, waitMs: nextMs, dueMs: atMs + nextMs };
}

/** Whether the next attempt is due. */
export function isDue({ dueMs }: Retry, atMs: number): boolean {
  return dueMs !== null && atMs >= dueMs;
}

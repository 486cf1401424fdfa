/**
 * The connection that a publisher had, seen since the page was opened.
 * In: the stream in two answers, one after the other. Out: when it was lost, and how long it had lasted.
 * Pure.
 */
import type { StreamView } from '../../../src/api/shapes.ts';

export interface LostConnection {
  /** Unix milliseconds. */
  readonly atMs: number;
  /** How long the stream had been live, ms; undefined if it was not. */
  readonly livedMs: number | undefined;
}

type Seen = Pick<StreamView, 'publisher' | 'liveSince'>;

/**
 * The state after another answer.
 *
 * @param lost as known before
 * @param nowMs unix milliseconds
 * @returns null while a publisher is connected, and as long as none has been
 */
export function lostAfter(
  lost: LostConnection | null,
  before: Seen | null,
  now: Seen,
  nowMs: number,
): LostConnection | null {
  if (now.publisher) return null;
  if (!before?.publisher) return lost;
  const { liveSince } = before;
  return { atMs: nowMs, livedMs: liveSince ? Math.max(0, nowMs - Date.parse(liveSince)) : undefined };
}

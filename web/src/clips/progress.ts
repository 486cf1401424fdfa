/**
 * How long a job will still take.
 * In: what the server told of it, and when. Out: seconds. Pure.
 */
import type { JobView } from '../../../src/api/job-shapes.ts';

/** Nothing is said about the end before so much is done: the first share tells too little. */
const LEAST_SHARE = 0.02;
/** And before it has run so long, milliseconds. */
const LEAST_MS = 1_000;

/**
 * About how long a running job still takes, if it goes on as it went.
 *
 * @param nowMs by the server's clock, unix milliseconds
 * @returns seconds; null where nothing can be said
 */
export function secondsLeft({ state, progress, startedAt }: JobView, nowMs: number): number | null {
  if (state !== 'running' || startedAt === null || progress < LEAST_SHARE) return null;
  const ranMs = nowMs - Date.parse(startedAt);
  if (!(ranMs >= LEAST_MS)) return null;
  return Math.max(0, Math.round(((ranMs / progress) * (1 - progress)) / 1000));
}

/** Whether a job will change no more. */
export function hasEnded({ state }: JobView): boolean {
  return state !== 'queued' && state !== 'running';
}

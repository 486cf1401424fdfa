/**
 * The remaining time of a job.
 * In: a job, the current time. Out: seconds. Pure.
 */
import type { JobView } from '../../../src/api/jobs/job-shapes.ts';

/** Below this progress there is no estimate: it would be too inaccurate. */
const LEAST_SHARE = 0.02;
/** Nor before it has run this long, milliseconds. */
const LEAST_MS = 1_000;

/**
 * The estimated remaining time of a running job, from its progress so far.
 *
 * @param nowMs by the server's clock, unix milliseconds
 * @returns seconds; null without an estimate
 */
export function secondsLeft({ state, progress, startedAt }: JobView, nowMs: number): number | null {
  if (state !== 'running' || startedAt === null || progress < LEAST_SHARE) return null;
  const ranMs = nowMs - Date.parse(startedAt);
  if (!(ranMs >= LEAST_MS)) return null;
  return Math.max(0, Math.round(((ranMs / progress) * (1 - progress)) / 1000));
}

/** Whether a job has ended. */
export function hasEnded({ state }: JobView): boolean {
  return state !== 'queued' && state !== 'running';
}

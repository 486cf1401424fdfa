/**
 * A job as the API and the events show it.
 * In: jobs, their kinds. Out: JobView, data of events. Pure.
 */
import { printRfc3339 } from '../api/instant.ts';
import type { JobView } from '../api/jobs/job-shapes.ts';
import type { Job } from './job.ts';
import type { JobKind } from './job-kinds.ts';

/** What a view shows of a kind. */
type ShownKind = Pick<JobKind, 'keepMs' | 'resultOf'>;

/** A job in the API. @param kind undefined: it is not registered */
export function viewOf(job: Job, kind: ShownKind | undefined): JobView {
  const time = (ms: number | null) => (ms === null ? null : printRfc3339(ms));
  const keepMs = kind?.keepMs;
  return {
    id: job.id,
    kind: job.kind,
    state: job.state,
    subject: job.subject,
    priority: job.priority,
    progress: share(job.progress),
    parts: rounded(job.parts),
    input: job.input as Readonly<Record<string, unknown>>,
    result: resultOf(job, kind),
    error: job.error,
    tries: job.tries,
    maxTries: job.maxTries,
    worker: job.worker,
    failures: job.failures.map(({ atMs, ...failure }) => ({ ...failure, at: printRfc3339(atMs) })),
    createdAt: printRfc3339(job.createdMs),
    notBefore: job.state === 'queued' && job.notBeforeMs > 0 ? printRfc3339(job.notBeforeMs) : null,
    startedAt: time(job.startedMs),
    endedAt: time(job.endedMs),
    expiresAt: time(job.endedMs === null || keepMs === undefined ? null : job.endedMs + keepMs),
  };
}

/** The result of a job; null until it is done. */
export function resultOf(job: Job, kind: ShownKind | undefined): JobView['result'] {
  return job.state === 'done' ? (kind?.resultOf(job) ?? null) : null;
}

/** The data of every event of a job. */
export function eventDataOf({ id, kind, state, progress, parts, subject }: Job) {
  return { id, kind, state, progress: share(progress), parts: rounded(parts), subject };
}

/** Rounded for readers. */
const share = (value: number): number => Math.round(value * 1000) / 1000;

function rounded(parts: Job['parts']): Record<string, number> {
  return Object.fromEntries(Object.entries(parts).map(([name, value]) => [name, share(value)]));
}

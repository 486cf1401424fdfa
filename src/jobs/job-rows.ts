/**
 * Jobs as rows of the metadata store.
 * In: rows. Out: Job.
 */
import type { Selectable } from 'kysely';
import type { JobTable } from '../store/schema.ts';
import type { Job, JobError, JobFailure, JobState } from './job.ts';

/** The job of a row. */
export function jobOf(row: Selectable<JobTable>): Job {
  const ms = (us: number | null) => (us === null ? null : us / 1000);
  return {
    id: row.id,
    number: row.seq,
    kind: row.kind,
    state: row.state as JobState,
    progress: row.progress,
    parts: JSON.parse(row.parts) as Record<string, number>,
    input: JSON.parse(row.input) as unknown,
    result: row.result === null ? null : (JSON.parse(row.result) as unknown),
    error: row.error === null ? null : (JSON.parse(row.error) as JobError),
    subject: row.subject,
    priority: row.priority,
    tries: row.tries,
    maxTries: row.max_tries,
    notBeforeMs: row.not_before_us / 1000,
    failures: JSON.parse(row.failures) as JobFailure[],
    token: row.lease_token,
    worker: row.lease_worker,
    createdMs: row.created_us / 1000,
    startedMs: ms(row.started_us),
    endedMs: ms(row.ended_us),
  };
}

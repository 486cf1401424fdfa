/**
 * Jobs as rows of the metadata store.
 * In: rows, new jobs. Out: Job, rows.
 */
import { randomBytes } from 'node:crypto';
import type { Kysely, Selectable } from 'kysely';
import { currentTraceparent } from '../observe/traces/current-span.ts';
import type { JobTable, Tables } from '../store/schema.ts';
import type { Job, JobError, JobFailure, JobOptions, JobState } from './job.ts';

/** A job that failed this often has failed. */
const MAX_TRIES = 3;

/** A job to add. */
interface NewJob extends JobOptions {
  readonly kind: string;
  readonly input: unknown;
  /** Ms since 1970. */
  readonly nowMs: number;
}

/** Adds the row of a job that waits. @throws errors of its guard */
export async function insertJob(
  db: Kysely<Tables>,
  { kind, input, nowMs, subject, priority, maxTries, guard }: NewJob,
): Promise<Selectable<JobTable>> {
  const id = `${Math.floor(nowMs).toString(36)}-${randomBytes(8).toString('hex')}`;
  const row = {
    id,
    kind,
    state: 'queued',
    progress: 0,
    input: JSON.stringify(input),
    tries: 0,
    created_us: Math.round(nowMs * 1000),
    result: null,
    error: null,
    started_us: null,
    ended_us: null,
    subject: subject ?? null,
    priority: priority ?? 0,
    max_tries: maxTries ?? MAX_TRIES,
    traceparent: currentTraceparent() ?? null,
  };
  const insert = (executor: Kysely<Tables>) =>
    executor.insertInto('job').values(row).returningAll().executeTakeFirstOrThrow();
  if (!guard) return insert(db);
  return db.transaction().execute(async (transaction) => {
    await guard(transaction);
    return insert(transaction);
  });
}

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
    traceparent: row.traceparent,
  };
}

/**
 * Opens the jobs of a server: the queue in the metadata store, the API over it, its metrics and spans.
 * In: a database, `jobs` of the settings at the start. Out: Jobs. Disposing aborts running jobs; the next process starts them again.
 */
import type { Kysely } from 'kysely';
import type { EventBus } from '../cluster/event-bus.ts';
import type { Clock } from '../lib/clock.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Telemetry } from '../observe/telemetry.ts';
import type { Tables } from '../store/schema.ts';
import type { Job } from './job.ts';
import { Jobs } from './jobs-api.ts';
import { openTableQueue } from './table-queue.ts';

/** What jobs are opened with. */
export interface OpenJobsOptions {
  readonly db: Kysely<Tables>;
  readonly clock: Clock;
  readonly events: Pick<EventBus, 'publish'>;
  readonly metrics: Pick<Metrics, 'jobs'>;
  readonly telemetry: Pick<Telemetry, 'ended'>;
  /** Jobs that run at the same time, and jobs that can wait. */
  readonly config: { readonly parallel: number; readonly queue: number };
  readonly failed: (error: unknown) => void;
}

/** Opens the jobs. */
export async function openJobs(options: OpenJobsOptions): Promise<{ readonly jobs: Jobs } & AsyncDisposable> {
  const { db, clock, events, metrics, telemetry, config, failed } = options;
  const ended = (job: Job) => {
    metrics.jobs.inc({ kind: job.kind, state: job.state });
    if (job.startedMs !== null && job.endedMs !== null) {
      telemetry.ended({
        kind: 'job',
        name: job.kind,
        tookMs: job.endedMs - job.startedMs,
        attributes: { 'oxbow.job.id': job.id, 'oxbow.job.state': job.state },
        error: job.state === 'failed' ? 'the job failed' : undefined,
      });
    }
    jobs.ended(job);
  };
  const { parallel, queue: maxQueued } = config;
  const queue = await openTableQueue({ db, clock, parallel, maxQueued, ended, failed });
  const jobs = new Jobs({ queue, clock, events, failed });
  return { jobs, [Symbol.asyncDispose]: () => queue[Symbol.asyncDispose]() };
}

/**
 * Opens background work: the queue of jobs, and exports as one kind of job.
 * In: the context, store, events, recordings, streams. Out: Jobs, ExportJobs.
 */
import type { Jobs } from '../jobs/jobs-api.ts';
import { openJobs as openQueue } from '../jobs/open-jobs.ts';
import { ExportJobs } from '../streams/export/export-jobs.ts';
import type { AppContext, Parts } from './parts.ts';

/** Opens the queue. Kinds are registered next; then `startJobs` begins the work. */
export async function openJobs(
  { config, opened, clock, metrics, telemetry, failed }: AppContext,
  { store, bus }: Pick<Parts, 'store' | 'bus'>,
): Promise<Jobs> {
  const options = {
    db: store.db,
    clock,
    events: bus,
    metrics,
    telemetry,
    config: config.jobs,
    failed: failed('a job'),
  };
  return opened.use(await openQueue(options)).jobs;
}

/** Registers exports. */
export function openExports(
  { settings, clock }: AppContext,
  { recordings, streams, jobs }: Pick<Parts, 'recordings' | 'streams' | 'jobs'>,
): ExportJobs {
  const { segments, table, reader } = recordings;
  const { catalog, deps } = streams;
  const exports = new ExportJobs({
    jobs,
    catalog,
    table,
    reader,
    clock,
    segments,
    settings,
    mayWrite: deps.mayWrite,
  });
  jobs.register(exports.kind);
  return exports;
}

/** Runs queued jobs and deletes expired ones until the shutdown. */
export async function startJobs({ opened, shutdown }: AppContext, jobs: Jobs): Promise<void> {
  await jobs.work();
  opened.use(shutdown.owns(jobs.expire({ signal: shutdown.signal })));
}

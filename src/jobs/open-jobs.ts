/**
 * Opens the jobs of a server: the queue in the metadata store, the API over it, workers, metrics and spans.
 * In: a database, `jobs` of the settings at the start. Out: Jobs, Workers. Disposing aborts running jobs; the
 * next process starts them again.
 */
import type { Kysely } from 'kysely';
import type { EventBus } from '../cluster/bus/event-bus.ts';
import type { Clock } from '../lib/clock.ts';
import { Emitter, type Subscribable } from '../lib/events.ts';
import type { Metrics } from '../observe/metrics.ts';
import { withinSpan } from '../observe/traces/current-span.ts';
import { noTelemetry, type Telemetry } from '../observe/traces/telemetry.ts';
import type { Tables } from '../store/schema.ts';
import type { Job } from './job.ts';
import { JobEvents } from './job-events.ts';
import { JobKinds } from './job-kinds.ts';
import { endJobSpan, spanOfJob } from './job-span.ts';
import { Jobs } from './jobs-api.ts';
import { LeasedJobs } from './leased-jobs.ts';
import { limitsOf } from './remote-kind.ts';
import { type MediaStore, RemoteMedia } from './remote-media.ts';
import { LEASE_MS, openTableQueue } from './table-queue.ts';
import type { JobTransport } from './transport/job-transport.ts';
import { createLocalTransport } from './transport/local-transport.ts';
import { WorkerTable } from './worker-table.ts';
import { Workers } from './workers.ts';

interface OpenJobsOptions {
  readonly db: Kysely<Tables>;
  readonly clock: Clock;
  readonly events: Pick<EventBus, 'publish'>;
  readonly metrics: Pick<Metrics, 'jobs' | 'jobStarts' | 'jobWaitSeconds' | 'leasesTakenBack'>;
  /** Off by default. */
  readonly telemetry?: Telemetry;
  /** Jobs that run at the same time, and jobs that can wait. */
  readonly config: { readonly parallel: number; readonly queue: number };
  /** Name of this node; empty without a cluster. */
  readonly node?: string | undefined;
  /** Time to live of a lease of a worker, ms; 10 s by default. */
  readonly leaseMs?: number;
  /**
   * How processes on the same table are notified of jobs; by default within this one. It is disposed with the
   * jobs.
   */
  readonly transport?: JobTransport | undefined;
  /** Where inputs are read and outputs stored. */
  readonly media: MediaStore;
  /** Whether the disk has room. */
  readonly mayWrite: () => boolean;
  /** A job has failed, and is not tried again. */
  readonly jobFailed?: (job: Job) => void;
  readonly failed: (error: unknown) => void;
}

/** The jobs of a server, and the workers that run them. */
export interface OpenedJobs extends AsyncDisposable {
  readonly jobs: Jobs;
  readonly jobKinds: JobKinds;
  readonly workers: Workers;
  readonly leasedJobs: LeasedJobs;
  /** Inputs and outputs of the jobs of workers. */
  readonly jobMedia: RemoteMedia;
  /** Emits when a job for workers was queued. */
  readonly queued: Subscribable<Job>;
  /** Whether jobs for workers wait or run. */
  isBusy(): Promise<boolean>;
}

export async function openJobs(options: OpenJobsOptions): Promise<OpenedJobs> {
  const {
    db,
    clock,
    events,
    metrics,
    telemetry = noTelemetry,
    config,
    failed,
    media,
    mayWrite,
    leaseMs = LEASE_MS,
  } = options;
  const queued = new Emitter<Job>();
  const jobKinds = new JobKinds();
  const jobEvents = new JobEvents({ kinds: jobKinds, clock, events, queued: (job) => queued.emit(job), failed });
  const spanOf = (job: Job) => spanOfJob(telemetry, job);
  const ended = (job: Job) => {
    metrics.jobs.inc({ kind: job.kind, state: job.state });
    if (job.state === 'failed') options.jobFailed?.(job);
    endJobSpan(telemetry, job, job.endedMs ?? clock.nowMs());
    withinSpan(spanOf(job), () => jobEvents.ended(job)); // webhooks of its event are below it
    workers.left(job);
  };
  const started = (job: Job) => {
    metrics.jobStarts.inc({ kind: job.kind });
    const readyMs = Math.max(job.createdMs, job.notBeforeMs);
    metrics.jobWaitSeconds.observe({ kind: job.kind }, Math.max(0, (job.startedMs ?? readyMs) - readyMs) / 1000);
    jobEvents.changed(job);
  };
  const requeued = (job: Job, takenBack: boolean) => {
    endJobSpan(telemetry, job, clock.nowMs());
    if (takenBack) metrics.leasesTakenBack.inc({ kind: job.kind });
    jobEvents.changed(job);
    workers.left(job);
  };
  const { parallel, queue: maxQueued } = config;
  const maxRunMs = (kind: string) => {
    const remote = jobKinds.findRemote(kind);
    return remote && limitsOf(remote).runMs;
  };
  const { transport = createLocalTransport(failed), node = '' } = options;
  const queue = await openTableQueue({
    db,
    clock,
    transport,
    node,
    placeOf: jobKinds.placeOf,
    parallel,
    maxQueued,
    maxRunMs,
    spanOf,
    leaseMs,
    started,
    ended,
    requeued,
    failed,
  });
  const jobs = new Jobs({ queue, kinds: jobKinds, events: jobEvents, clock, node, failed });
  const kindOf = jobKinds.findRemote;
  const workers: Workers = await Workers.open({
    queue,
    transport,
    leaseMs,
    clock,
    kindOf,
    node,
    failed,
    spanOf,
    table: new WorkerTable(db, node),
    progressed: (job) => jobEvents.progressed(job),
  });
  transport.start(queue);
  // Jobs that workers of other nodes run need none here.
  const isOwn = (state: 'queued' | 'running') => node === '' || state === 'queued';
  const isBusy = async () =>
    workers.areBusy || (await queue.counts()).some(({ kind, state }) => kindOf(kind) !== undefined && isOwn(state));
  return {
    jobs,
    jobKinds,
    workers,
    leasedJobs: new LeasedJobs({ leases: queue.leases, kindOf, view: jobs.view }),
    jobMedia: new RemoteMedia({ leases: queue.leases, media, kindOf, mayWrite }),
    queued,
    isBusy,
    async [Symbol.asyncDispose]() {
      await queue[Symbol.asyncDispose](); // jobs that it gives back are offered to others
      await transport[Symbol.asyncDispose]();
    },
  };
}

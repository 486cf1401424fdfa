/**
 * The metrics of jobs and workers, a part of the table of all metrics.
 * In: nothing. Out: rows for observe/metric-table.
 */
import type { MetricRow } from './metric-row.ts';

/** The rows. */
export const jobMetrics = {
  jobs: {
    type: 'counter',
    name: 'oxbow_jobs_total',
    labels: ['kind', 'state'],
    help: 'Jobs that ended, by kind and result: done, failed or cancelled.',
  },
  jobsNow: {
    type: 'gauge',
    name: 'oxbow_jobs',
    across: 'max',
    labels: ['kind', 'state'],
    help: 'Jobs that wait or run now: queued, running.',
  },
  jobStarts: {
    type: 'counter',
    name: 'oxbow_job_starts_total',
    labels: ['kind'],
    help: 'Starts of jobs: one for each try.',
  },
  jobWaitSeconds: {
    type: 'histogram',
    name: 'oxbow_job_wait_seconds',
    labels: ['kind'],
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 30, 60, 300, 1800, 7200],
    help: 'Time from the request of a job, or the end of its pause, to its start.',
  },
  leasesTakenBack: {
    type: 'counter',
    name: 'oxbow_job_leases_taken_back_total',
    labels: ['kind'],
    help: 'Jobs that were given to another worker because theirs stopped answering or took too long.',
  },
  jobOffers: {
    type: 'counter',
    name: 'oxbow_job_offers_total',
    labels: ['result'],
    help: 'Messages that a job waits, over RabbitMQ or NATS, by result. Published: sent, failed, dropped (too many at once), again (the job waited without a message). Received: taken (a job has started), stale (no job waited), busy (no slot was free), requeued (the database did not answer).',
  },
  ownWorkerCrashes: {
    type: 'counter',
    name: 'oxbow_own_worker_crashes_total',
    labels: [],
    help: 'Ends of the worker process of the server while it was needed.',
  },
  workers: {
    type: 'gauge',
    name: 'oxbow_workers',
    across: 'max',
    labels: ['state'],
    help: 'Registered workers by state: online, silent, draining.',
  },
  workerSlots: {
    type: 'gauge',
    name: 'oxbow_worker_slots',
    across: 'max',
    labels: ['state'],
    help: 'Slots of the online workers: busy, free.',
  },
} as const satisfies Record<string, MetricRow>;

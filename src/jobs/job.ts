/**
 * A job is one unit of background work that outlives its request; a queue stores jobs, runs those of this
 * process and leases the others to workers.
 * In: requests, handlers, workers. Out: the contract of every queue (jobs.contract.ts). Only types.
 */
import type { Transaction } from 'kysely';
import type { Tables } from '../store/schema.ts';

/** State of a job. `done`, `failed` and `cancelled` are final; a failed job can be retried. */
export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

/** Why a job failed. */
export interface JobError {
  /** Code from lib/errors. */
  readonly code: string;
  /** For a person. */
  readonly detail: string;
}

/** A try that failed. */
export interface JobFailure extends JobError {
  /** Number of the try, from 1. */
  readonly try: number;
  /** Id of the worker; null: this process. */
  readonly worker: string | null;
  /** Ms since 1970. */
  readonly atMs: number;
}

/** One unit of background work. */
export interface Job {
  /** Sorts by creation; cannot be guessed. */
  readonly id: string;
  /** Unique, increases from job to job. */
  readonly number: number;
  /** Selects the handler, e.g. `export`. */
  readonly kind: string;
  readonly state: JobState;
  /** 0 to 1; 1 only when it is done. */
  readonly progress: number;
  /** Progress by name, 0 to 1, e.g. of each rendition. */
  readonly parts: Readonly<Record<string, number>>;
  /** The request: JSON. */
  readonly input: unknown;
  /** JSON; null until it is done. */
  readonly result: unknown;
  /** Null unless it failed. */
  readonly error: JobError | null;
  /** Its subject, e.g. the id of an asset. */
  readonly subject: string | null;
  /** Jobs of higher priority start first; 0 by default. */
  readonly priority: number;
  /** Number of starts. */
  readonly tries: number;
  /** Starts before it counts as failed. */
  readonly maxTries: number;
  /** It does not start before, ms since 1970; 0: at once. */
  readonly notBeforeMs: number;
  /** The tries that failed, oldest first. */
  readonly failures: readonly JobFailure[];
  /**
   * Fencing token of the last start: rises with each one. Only the worker with this token may change the job.
   */
  readonly token: number;
  /**
   * Id of the worker that runs it, or ran it last; null: this process; in a cluster `node/NAME`: the process
   * of that node.
   */
  readonly worker: string | null;
  /** Ms since 1970. */
  readonly createdMs: number;
  /** Last start, ms since 1970. */
  readonly startedMs: number | null;
  readonly endedMs: number | null;
  /** `traceparent` of the span that added it; null if tracing was off. */
  readonly traceparent: string | null;
}

/** How a job is added. */
export interface JobOptions {
  readonly subject?: string | undefined;
  /** 0 by default. */
  readonly priority?: number | undefined;
  /** 3 by default. */
  readonly maxTries?: number | undefined;
  /** Most jobs of this kind that can wait; by default the limit of the queue. */
  readonly maxQueued?: number | undefined;
  /** Called in the transaction that adds the job; if it throws, there is no job. */
  readonly guard?: ((transaction: Transaction<Tables>) => Promise<void>) | undefined;
}

/** Which jobs to list. */
export interface JobFilter {
  readonly kind?: string | undefined;
  readonly state?: JobState | undefined;
  readonly subject?: string | undefined;
}

/** The tools of a handler. */
export interface JobContext {
  /** Fires when the job is cancelled or the queue closes: the handler has to stop soon and clean up. */
  readonly signal: AbortSignal;
  /** Reports progress, 0 to 1, in total and by name; may be called at any rate. */
  readonly progress: (share: number, parts?: Readonly<Record<string, number>>) => void;
}

/**
 * Runs one job and returns its result (JSON). An OxbowError it throws becomes the error of the job, anything
 * else `internal`.
 */
export type JobHandler = (job: Job, context: JobContext) => Promise<unknown>;

/** Identifies one start of a job. */
export interface Lease {
  readonly id: string;
  /** As `Job.token`. */
  readonly token: number;
}

/** A lease with the progress of its job. */
export interface LeaseReport extends Lease {
  /** 0 to 1. */
  readonly progress: number;
  readonly parts: Readonly<Record<string, number>>;
}

/** State of a lease: `held`, or why it is over. */
export type LeaseState = 'held' | 'cancelled' | 'lost';

/** Jobs that wait or run, by kind. */
export interface JobCount {
  readonly kind: string;
  readonly state: 'queued' | 'running';
  readonly count: number;
}

/**
 * Leases jobs to workers: each start of a job has a token, and only its holder may change the job.
 */
export interface JobLeases {
  /** Leases the next job of these kinds to a worker; undefined if none can start now. */
  claim(worker: string, kinds: readonly string[]): Promise<Job | undefined>;
  /**
   * Extends leases of a worker and stores the progress of their jobs. Returns the state of each, in order.
   */
  renew(worker: string, reports: readonly LeaseReport[]): Promise<readonly LeaseState[]>;
  /**
   * The job of a lease that is held.
   *
   * @throws OxbowError `lease-lost`, `job-unknown`
   */
  leased(lease: Lease): Promise<Job>;
  /**
   * Ends a job with its result. The same lease again gets the same answer.
   *
   * @param write writes more rows in the transaction that stores the result; it runs only while the lease is
   *   held
   * @throws OxbowError `lease-lost`, `job-unknown`; errors of `write`, and then nothing is stored
   */
  complete(lease: Lease, result: unknown, write?: LeaseWrite): Promise<Job>;
  /**
   * Ends a try with an error. With `retry` the job is queued again after a pause, unless this was its last
   * try. The same lease again gets the job as it is.
   *
   * @throws OxbowError `lease-lost`, `job-unknown`
   */
  fail(lease: Lease, error: JobError, options: { readonly retry: boolean }): Promise<Job>;
  /**
   * Gives a job back that did not fail, e.g. because its worker ends: the try does not count. A lost lease is
   * ignored.
   *
   * @param options.pauseMs it does not start again before, ms; 0 by default
   */
  release(lease: Lease, options?: { readonly pauseMs?: number }): Promise<void>;
  /**
   * Writes rows while a lease is held: in one transaction with the check of its token, so that nothing of a
   * lost lease is stored.
   *
   * @throws OxbowError `lease-lost`, `job-unknown`; errors of `write`
   */
  whileLeased(lease: Lease, write: LeaseWrite): Promise<void>;
  /** Those of some leases that are over: another node may have ended, cancelled or started their jobs. */
  lost(leases: readonly Lease[]): Promise<readonly Lease[]>;
}

/**
 * Stores jobs and runs them. Disposing aborts the jobs of this process; the next queue on the same store
 * starts them again.
 */
export interface JobQueue extends AsyncDisposable {
  /** The jobs that workers run. */
  readonly leases: JobLeases;
  /**
   * Adds a job at the end of the queue.
   *
   * @throws OxbowError `queue-full`; errors of the guard
   */
  add(kind: string, input: unknown, options?: JobOptions): Promise<Job>;
  /** The job of that id; undefined if it does not exist or has expired. */
  find(id: string): Promise<Job | undefined>;
  /** The newest `limit` jobs, newest first; with `before` only those with a smaller number. */
  list(limit: number, before?: number, filter?: JobFilter): Promise<readonly Job[]>;
  /**
   * Cancels a job and returns its new state. A queued job is not started; a job of this process is aborted
   * and awaited; one of a worker is cancelled at once, and its worker is notified; a finished job does not
   * change.
   *
   * @throws OxbowError `job-unknown`
   */
  cancel(id: string): Promise<Job>;
  /**
   * Queues a failed or cancelled job again, with all its tries; `failures` remain. Any other job does not
   * change.
   *
   * @throws OxbowError `job-unknown`
   */
  retry(id: string): Promise<Job>;
  /**
   * Runs jobs of a kind in this process from now on, in order. Called once for each kind; resolves when the
   * queue has started.
   */
  work(kind: string, work: JobHandler): Promise<void>;
  /** Jobs of any kind that wait and may start now, at most `limit`: by priority, then oldest first. */
  waiting(limit: number): Promise<readonly Job[]>;
  /**
   * Takes jobs back whose lease has expired, or which have run for too long. In a cluster it also looks for
   * jobs that other nodes queued.
   */
  expireLeases(): Promise<void>;
  /**
   * Deletes jobs of a kind that ended before `ms` (since 1970) and returns them.
   *
   * @param of only those that this process ran, or only those that others ran; all if absent
   */
  forgetEndedBefore(kind: string, ms: number, of?: 'own' | 'others'): Promise<readonly Job[]>;
  /** Deletes one finished job, if it exists. */
  forget(id: string): Promise<void>;
  /** Number of queued and of running jobs of each kind; kinds without any are left out. */
  counts(): Promise<readonly JobCount[]>;
}

/**
 * Writes rows in a transaction that is valid only while a lease is held. Only statements: all other
 * statements wait for it.
 */
export type LeaseWrite = (transaction: Transaction<Tables>, job: Job) => Promise<void>;

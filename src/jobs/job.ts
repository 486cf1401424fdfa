/**
 * A job is one unit of background work that outlives its request; a queue stores jobs and runs them.
 * In: requests, handlers. Out: the contract of every queue (jobs.contract.ts). Types alone.
 */

/** State of a job. `done`, `failed` and `cancelled` are final. */
export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

/** Why a job failed. */
export interface JobError {
  /** Code from lib/errors. */
  readonly code: string;
  /** For a person. */
  readonly detail: string;
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
  /** The request: JSON. */
  readonly input: unknown;
  /** JSON; null until it is done. */
  readonly result: unknown;
  /** Null unless it failed. */
  readonly error: JobError | null;
  /** Number of starts. */
  readonly tries: number;
  /** Ms since 1970. */
  readonly createdMs: number;
  /** Last start, ms since 1970. */
  readonly startedMs: number | null;
  readonly endedMs: number | null;
}

/** What a handler gets besides the job. */
export interface JobContext {
  /** Fires when the job is cancelled or the queue closes: the handler has to stop soon and clean up. */
  readonly signal: AbortSignal;
  /** Reports progress, 0 to 1; may be called at any rate. */
  readonly progress: (share: number) => void;
}

/**
 * Runs one job and returns its result (JSON). An OxbowError it throws becomes the error of the job, anything else `internal`.
 */
export type JobHandler = (job: Job, context: JobContext) => Promise<unknown>;

/** Stores jobs and runs them. Disposing aborts running jobs; the next queue on the same store starts them again. */
export interface JobQueue extends AsyncDisposable {
  /**
   * Adds a job at the end of the queue.
   *
   * @throws OxbowError `queue-full`
   */
  add(kind: string, input: unknown): Promise<Job>;
  /** The job of that id; undefined if it does not exist or has expired. */
  find(id: string): Promise<Job | undefined>;
  /** The newest `limit` jobs, newest first; with `before` only those with a smaller number. */
  list(limit: number, before?: number): Promise<readonly Job[]>;
  /**
   * Cancels a job and returns its new state. A queued job is not started; a running job is aborted and awaited; a finished job does
   * not change.
   *
   * @throws OxbowError `job-unknown`
   */
  cancel(id: string): Promise<Job>;
  /** Runs jobs of a kind from now on, oldest first. Called once for each kind; resolves when the queue has started. */
  work(kind: string, work: JobHandler): Promise<void>;
  /** Deletes jobs of a kind that ended before `ms` (since 1970) and returns them. */
  forgetEndedBefore(kind: string, ms: number): Promise<readonly Job[]>;
  /** Deletes one finished job, if it exists. */
  forget(id: string): Promise<void>;
  /** Number of queued and of running jobs. */
  counts(): Promise<{ readonly queued: number; readonly running: number }>;
}

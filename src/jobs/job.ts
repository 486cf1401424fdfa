/**
 * A job is one unit of background work that outlives the request that asked for it; a queue keeps jobs and has them worked on.
 * In: whoever asks for work, whoever can do it. Out: the contract that every engine of the queue passes (jobs.contract.ts). Types alone.
 */

/** What became of a job. `done`, `failed` and `cancelled` are for good. */
export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

/** Why a job failed. */
export interface JobError {
  /** A code of lib/errors. */
  readonly code: string;
  /** For a person. */
  readonly detail: string;
}

/** One unit of background work as it stands. */
export interface Job {
  /** Sorts by creation; nobody guesses it. */
  readonly id: string;
  /** Rises from job to job, and no two have the same. */
  readonly number: number;
  /** Which worker takes it, e.g. `export`. */
  readonly kind: string;
  readonly state: JobState;
  /** 0 to 1; 1 only when it is done. */
  readonly progress: number;
  /** What it was asked for: JSON. */
  readonly input: unknown;
  /** What came of it: JSON; null until it is done. */
  readonly result: unknown;
  /** Null unless it failed. */
  readonly error: JobError | null;
  /** How often it was begun. */
  readonly tries: number;
  /** Ms since 1970. */
  readonly createdMs: number;
  /** When it was begun last, ms since 1970. */
  readonly startedMs: number | null;
  readonly endedMs: number | null;
}

/** How a worker hears and tells while it works. */
export interface JobContext {
  /** Fires when the job is cancelled or the queue ends: the work must stop soon and leave nothing behind. */
  readonly signal: AbortSignal;
  /** Tells how far it is, 0 to 1; may be called as often as wanted. */
  readonly progress: (share: number) => void;
}

/**
 * Does one job. What it gives (JSON) is the result; an OxbowError it throws is shown with its code, anything else as `internal`.
 */
export type JobHandler = (job: Job, context: JobContext) => Promise<unknown>;

/** Keeps jobs and has them worked on. Disposing ends the work; what ran then is begun again by the next queue on the same store. */
export interface JobQueue extends AsyncDisposable {
  /**
   * Adds a job behind those that wait.
   *
   * @throws OxbowError `queue-full`
   */
  add(kind: string, input: unknown): Promise<Job>;
  /** The job of that id, or undefined: never made, or expired. */
  find(id: string): Promise<Job | undefined>;
  /** The newest `limit` jobs, newest first; only those older than the one of the number `before` where that is given, gone or not. */
  list(limit: number, before?: number): Promise<readonly Job[]>;
  /**
   * Stops a job. One that waits is never begun; of one that runs the signal fires, and its end is waited for. One that has ended
   * stays as it is. Gives the job as it is then.
   *
   * @throws OxbowError `job-unknown`
   */
  cancel(id: string): Promise<Job>;
  /** Works on jobs of a kind from now on, oldest first. Call it once for each kind; resolves when the engine has begun. */
  work(kind: string, work: JobHandler): Promise<void>;
  /** Forgets jobs of a kind that ended before `ms` (since 1970); returns those that were forgotten. */
  forgetEndedBefore(kind: string, ms: number): Promise<readonly Job[]>;
  /** Forgets one job that has ended; does nothing where there is none. */
  forget(id: string): Promise<void>;
  /** Jobs that wait, and jobs that run. */
  counts(): Promise<{ readonly queued: number; readonly running: number }>;
}

/**
 * The contracts of workers and of the jobs that they hold, as the HTTP API calls them. Each call refuses with
 * an OxbowError.
 * In: http/routes calls them. Out: jobs/workers, jobs/leased-jobs and jobs/remote-media implement them. Types
 * only.
 */
import type { JobView } from '../jobs/job-shapes.ts';
import type { EncoderView } from './encoder-shapes.ts';
import type {
  HeartbeatAnswer,
  JobOffer,
  NewWorker,
  WorkerHeartbeat,
  WorkerLine,
  WorkerRegistration,
  WorkerView,
} from './worker-shapes.ts';

/** One start of a job, as its worker names it. */
export interface JobLease {
  readonly id: string;
  readonly token: number;
}

/** Where lines for a push worker are sent. */
export interface WorkerLines {
  send(line: WorkerLine): void;
  /** Ends the response. */
  end(): void;
}

/** Workers and the jobs that they get. */
export interface WorkersApi {
  /** @param isOwn whether it is the process that this server started */
  register(worker: NewWorker, isOwn: boolean): Promise<WorkerRegistration>;
  list(): readonly WorkerView[];
  /**
   * Gives it no further jobs.
   *
   * @param leaves the worker itself ends: it is forgotten. Refuses `worker-unknown`.
   */
  drain(id: string, leaves: boolean): Promise<WorkerView>;
  /**
   * The next job for a pull worker; undefined if there is none in time. Refuses `worker-unknown`,
   * `bad-request`.
   */
  claim(id: string, options: { readonly waitMs: number; readonly signal: AbortSignal }): Promise<JobOffer | undefined>;
  /** Connects a push worker; returns how to disconnect it. Refuses `worker-unknown`, `bad-request`. */
  connect(id: string, lines: WorkerLines): () => void;
  /** Refuses `worker-unknown`. */
  heartbeat(id: string, report: WorkerHeartbeat): Promise<HeartbeatAnswer>;
}

/** The hardware encoders of this process. */
export interface EncodersApi {
  view(): readonly EncoderView[];
}

/** The jobs that workers hold. */
export interface LeasedJobsApi {
  /** Refuses `lease-lost`, `job-unknown`, and as the kind does. */
  complete(lease: JobLease, result: unknown): Promise<JobView>;
  /** Refuses `lease-lost`, `job-unknown`. */
  fail(
    lease: JobLease,
    failure: { readonly code: string; readonly detail: string; readonly retry: boolean },
  ): Promise<JobView>;
  /** Gives a job back. */
  release(lease: JobLease): Promise<void>;
}

/** Bytes that workers read and write. */
export interface JobMediaApi {
  /** Where the bytes of an input are. Refuses `lease-lost`, `job-unknown`, `not-found`. */
  input(lease: JobLease, name: string): Promise<{ readonly location: string; readonly length: number }>;
  /**
   * Stores an output. Refuses `lease-lost`, `job-unknown`, `not-found`, `payload-too-large`, `no-room`, and
   * as the kind does.
   */
  output(
    lease: JobLease,
    name: string,
    bytes: AsyncIterable<Uint8Array>,
    options: { readonly signal: AbortSignal },
  ): Promise<{ readonly bytes: number }>;
}

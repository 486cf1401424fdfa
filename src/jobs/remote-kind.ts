/**
 * A kind of job that workers run over HTTP: its inputs and outputs on the server, and the use of its
 * outputs and its result.
 * In: transcode/ and library/ implement kinds. Out: jobs/ runs them. docs/decisions/0030.
 */
import type { JobView } from '../api/jobs/job-shapes.ts';
import type { Job, LeaseWrite } from './job.ts';

/** Limits of one try of a job. */
interface RemoteLimits {
  /** Longest duration, ms; 24 h by default. */
  readonly runMs: number;
  /** Length of one output, bytes; 16 GiB by default. */
  readonly outputBytes: number;
  /** Number of outputs; 100,000 by default. */
  readonly outputs: number;
  /** Jobs of this kind that can wait; 100,000 by default. */
  readonly queued: number;
}

/** An output that is stored, and not visible yet. */
export interface StoredOutput {
  /** The job, with the token of the worker that sent it. */
  readonly job: Job;
  readonly name: string;
  /** Where it is in the SegmentStore, from `outputLocation`. */
  readonly location: string;
  /** Bytes. */
  readonly length: number;
  /**
   * Writes rows in a transaction, and only while the worker still holds the job: this is how an output
   * becomes visible.
   *
   * @throws OxbowError `lease-lost`; errors of `write`
   */
  whileLeased(write: LeaseWrite): Promise<void>;
}

/** One kind of job that workers run. */
export interface RemoteKind {
  /** As `Job.kind`: a-z, 0-9 and `-`. */
  readonly name: string;
  /** As `JobKind.place`. */
  readonly place?: 'stream' | 'asset';
  /** How long a job is kept after its end, ms. Read at each use. */
  readonly keepMs: number;
  readonly limits?: Partial<RemoteLimits>;
  /** Location of an input in the SegmentStore; undefined: the job has none of that name. */
  inputLocation(job: Job, name: string): Promise<string | undefined>;
  /**
   * Where an output is stored; undefined: the kind has none of that name. The location contains `job.token`,
   * so that two workers never write the same object.
   *
   * @param name parts of a-z, 0-9, `.`, `_` and `-`, joined by `/`
   */
  outputLocation(job: Job, name: string): string | undefined;
  /**
   * An output is stored: checks it and makes it visible with `output.whileLeased`. If it throws, the object
   * is deleted and the worker gets the refusal. Called again if the worker sends the same output again.
   */
  accept(output: StoredOutput): Promise<void>;
  /**
   * Checks a result and writes its rows, in the transaction that ends the job. If it throws, the
   * job does not end.
   */
  finish?(job: Job, result: unknown, transaction: Parameters<LeaseWrite>[0]): Promise<void>;
  /**
   * Called after a job is done, has failed or was cancelled; not if the server ends in between. Errors are
   * logged.
   */
  ended?(job: Job): Promise<void>;
  /** The result of a finished job in the API and in events. */
  resultOf(job: Job): JobView['result'];
  /** Deletes the output of a job; called after the job was deleted. */
  discard?(job: Job): Promise<void>;
  /** Deletes objects that no row names, which a process that died left; called once at the start. */
  sweep?(): Promise<void>;
}

/** The limits of a kind. */
export function limitsOf({ limits }: RemoteKind): RemoteLimits {
  return { runMs: 24 * 3_600_000, outputBytes: 16 * 1024 ** 3, outputs: 100_000, queued: 100_000, ...limits };
}

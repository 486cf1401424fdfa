/**
 * The handler of a job on a worker, which may be another machine: it has the job, bytes to read and bytes to
 * write, and nothing else.
 * In: jobs/ implements it over HTTP, tests in memory. Out: transcode/ writes handlers against it. Only
 * types.
 */
import type { Job } from './job.ts';

/** Bytes that can be read at any position: the original of an asset. */
export interface JobInput {
  /** Bytes. */
  readonly length: number;
  /**
   * Reads a range; fewer bytes at the end.
   *
   * @param count bytes, at most 16 MiB
   * @throws OxbowError when the server cannot be reached in time, or no longer has the job
   */
  read(offset: number, count: number, options: { readonly signal: AbortSignal }): Promise<Uint8Array>;
}

/**
 * A file that a job produces. Nothing of it is visible before `finish`, and nothing of a job that lost its
 * lease is ever visible.
 */
export interface JobOutput extends AsyncDisposable {
  /** Appends; resolves when there is room for more. */
  write(bytes: Uint8Array): Promise<void>;
  /** Stores the file. Without it, disposing discards the bytes. */
  finish(): Promise<void>;
}

/** The tools of a handler. */
export interface WorkerContext {
  /** Fires when the job is cancelled, its lease is lost, or the worker ends. */
  readonly signal: AbortSignal;
  /** Reports progress, 0 to 1, in total and by name, e.g. of each rendition; may be called at any rate. */
  readonly progress: (share: number, parts?: Readonly<Record<string, number>>) => void;
  /**
   * Opens an input by its name, e.g. `original`. The kind of the job decides on the server which names exist.
   */
  input(name: string): Promise<JobInput>;
  /**
   * Begins an output, e.g. `source/0.mp4`. A second output of that name in the same try replaces the first.
   */
  output(name: string): Promise<JobOutput>;
  /**
   * Sends an output that is in a file already, without a copy of it: as `output` with all its bytes.
   *
   * @param read the bytes from the start; called again if the connection is lost
   */
  send(name: string, read: () => AsyncIterable<Uint8Array>): Promise<void>;
}

/** Runs one job on a worker and returns its result (JSON). An OxbowError becomes the error of the job. */
export type WorkerHandler = (job: Job, context: WorkerContext) => Promise<unknown>;

/**
 * The contract of job transports: how processes are notified of a job. Only the table of jobs decides who
 * gets it: a loss or repetition costs time, never a job.
 * In: waiting jobs, free slots. Out: starts of jobs. Only types; transport.contract.ts is the suite of its
 * engines.
 */
import type { Job } from '../job.ts';

/** A waiting job in a transport. */
export type WaitingJob = Pick<Job, 'id' | 'number' | 'kind' | 'priority' | 'notBeforeMs'>;

/** Starts jobs in its slots. */
export interface JobConsumer {
  /** Kinds whose jobs can start now, each with the number of its free slots. Kinds may share slots. */
  free(): ReadonlyMap<string, number>;
  /**
   * Takes the lease of the next waiting job of these kinds in the table of jobs, and starts it.
   *
   * @returns false if none was started: none waits, or no slot is free any more
   */
  take(kinds: readonly string[]): Promise<boolean>;
}

/** The consumption of one consumer. Disposing waits for the take in progress; none follows. */
export interface JobConsumption extends AsyncDisposable {
  /**
   * Slots or kinds have changed, or some time has passed: jobs may start now that could not before. Returns
   * at once.
   */
  changed(): void;
}

/** The table of jobs, for a transport that compares itself with it. */
export interface JobSource {
  /** Jobs that wait and may start now, at most `limit`: by priority, then oldest first. */
  waiting(limit: number): Promise<readonly WaitingJob[]>;
}

/** Carries the news that jobs wait, from the process that queued them to one with a free slot. */
export interface JobTransport extends AsyncDisposable {
  /** Begins. Called once. */
  start(source: JobSource): void;
  /**
   * A job waits, or will from `notBeforeMs` on. Returns at once and never throws: a lost job is found
   * again.
   */
  offer(job: WaitingJob): void;
  /** Takes jobs for a consumer while it has free slots, one take at a time. */
  consume(consumer: JobConsumer): JobConsumption;
}

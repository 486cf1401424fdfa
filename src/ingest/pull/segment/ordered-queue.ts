/**
 * Runs jobs in parallel and returns their results in the order of the jobs.
 * In: jobs. Out: results. At most `parallel` jobs are running or finished but not read. While the oldest job
 * waits to retry, later ones run ahead of it, up to `maxAhead` jobs and `maxHeldBytes` of results.
 */

/** The slot of a running job, which it frees while it waits to retry. */
export interface JobSlot {
  /** Frees the slot until `resume`. */
  pause(): void;
  /** Resolves when a slot is free again; rejects with the signal's reason when aborted. */
  resume(options: { signal: AbortSignal }): Promise<void>;
}

interface Job<T> {
  readonly run: (slot: JobSlot) => Promise<T>;
  begun: boolean;
  result: Promise<T> | undefined;
  /** It has failed at least once and will retry. */
  retries: boolean;
  /** Size of its result. */
  bytes: number;
}

function jobOf<T>(run: Job<T>['run']): Job<T> {
  return { run, begun: false, result: undefined, retries: false, bytes: 0 };
}

/** Bounds of a queue. */
interface QueueOptions<T> {
  /** Jobs at a time, 1 or more. */
  readonly parallel: number;
  /** Jobs that may have started while the oldest retries; default `parallel`. */
  readonly maxAhead?: number;
  /** Results that may wait for it, bytes; at this limit no further job starts. Default no limit. */
  readonly maxHeldBytes?: number;
  /** Size of a result, bytes; default 0. */
  readonly weigh?: (result: T) => number;
}

/** A queue of jobs with one reader. */
export class OrderedQueue<T> implements AsyncIterable<T> {
  readonly #options: Required<QueueOptions<T>>;
  #jobs: Job<T>[] = [];
  #active = 0;
  readonly #resuming: (() => void)[] = [];
  /** A retrying job got the last free slot: a new job gets the next. */
  #resumedLast = false;
  #ended = false;
  #failure: { error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(options: QueueOptions<T>) {
    this.#options = { maxAhead: options.parallel, maxHeldBytes: Number.POSITIVE_INFINITY, weigh: () => 0, ...options };
  }

  /** Number of jobs that have not started. */
  get waiting(): number {
    return this.#jobs.reduce((count, { begun }) => count + (begun ? 0 : 1), 0);
  }

  /** Appends a job. */
  push(run: (slot: JobSlot) => Promise<T>): void {
    this.#jobs.push(jobOf(run));
    this.#start();
    this.#wake?.();
  }

  /**
   * Removes jobs that have not started, oldest first, until `keep` of them remain.
   *
   * @param instead creates the job that replaces them
   * @returns the number of removed jobs
   */
  drop(keep: number, instead: (count: number) => () => Promise<T>): number {
    const begun = this.#jobs.filter((job) => job.begun);
    const waiting = this.#jobs.filter((job) => !job.begun);
    const count = waiting.length - keep;
    if (count <= 0) return 0;
    this.#jobs = [...begun, jobOf(instead(count)), ...waiting.slice(count)];
    this.#start();
    return count;
  }

  /** No job will follow; the reader ends after the last result, or throws `failure.error`. */
  end(failure?: { error: unknown }): void {
    this.#ended = true;
    this.#failure = failure;
    this.#wake?.();
  }

  #start(): void {
    while (this.#active < this.#options.parallel) {
      const next = this.#next();
      const resume = next && this.#resumedLast ? undefined : this.#resuming.shift();
      this.#resumedLast = resume !== undefined;
      if (resume) {
        this.#active += 1;
        resume();
      } else if (next) this.#begin(next);
      else return;
    }
  }

  /** The oldest job that has not started, if the bounds allow it to start. */
  #next(): Job<T> | undefined {
    const { parallel, maxAhead, maxHeldBytes } = this.#options;
    const index = this.#jobs.findIndex(({ begun }) => !begun);
    if (index < parallel) return this.#jobs[index];
    if (!this.#jobs[0]!.retries || index >= maxAhead) return undefined;
    const heldBytes = this.#jobs.reduce((sum, { bytes }) => sum + bytes, 0);
    return heldBytes < maxHeldBytes ? this.#jobs[index] : undefined;
  }

  #begin(job: Job<T>): void {
    this.#active += 1;
    job.begun = true;
    let paused = false;
    const leave = () => {
      this.#active -= 1;
      this.#start();
    };
    const slot: JobSlot = {
      pause: () => {
        paused = true;
        job.retries = true;
        leave();
      },
      resume: async ({ signal }) => {
        await this.#resume(signal);
        paused = false;
      },
    };
    const settle = () => {
      job.retries = false;
      if (!paused) leave();
    };
    job.result = job.run(slot).then(
      (result) => {
        job.bytes = this.#options.weigh(result);
        settle();
        return result;
      },
      (error: unknown) => {
        settle();
        throw error;
      },
    );
    // The reader awaits it later; until then a rejection must not count as unhandled.
    job.result.catch(() => {});
  }

  #resume(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const go = () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = () => {
        this.#resuming.splice(this.#resuming.indexOf(go), 1);
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#resuming.push(go);
      this.#start();
    });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    for (;;) {
      const job = this.#jobs[0];
      if (job) {
        const result = await job.result!;
        this.#jobs.shift();
        this.#start();
        yield result;
      } else if (this.#ended) {
        if (this.#failure) throw this.#failure.error;
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    }
  }
}

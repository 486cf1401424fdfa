/**
 * Does jobs side by side and gives their results in the order in which they were put in.
 * In: jobs. Out: results. Usually at most `parallel` jobs are running or wait to be taken. While the oldest job waits to try again, later ones
 * run ahead of it, up to `maxAhead` jobs and `maxHeldBytes` of results.
 */

/** The place of a running job, which it leaves while it waits to try again. */
export interface JobSlot {
  /** Another job may run in its place until `resume`. */
  pause(): void;
  /** Resolves when there is a place again; rejects with the signal's reason when that aborts. */
  resume(options: { signal: AbortSignal }): Promise<void>;
}

interface Job<T> {
  readonly run: (place: JobSlot) => Promise<T>;
  begun: boolean;
  result: Promise<T> | undefined;
  /** It has failed once and tries again. */
  retries: boolean;
  /** Of its result, until that is taken. */
  bytes: number;
}

function jobOf<T>(run: Job<T>['run']): Job<T> {
  return { run, begun: false, result: undefined, retries: false, bytes: 0 };
}

/** The bounds of a line. */
export interface QueueOptions<T> {
  /** Jobs at a time, 1 or more. */
  readonly parallel: number;
  /** Jobs that may have begun while the oldest tries again; default `parallel`. */
  readonly maxAhead?: number;
  /** Results that may wait for it, bytes; no more jobs begin then. Default no limit. */
  readonly maxHeldBytes?: number;
  /** Bytes of a result. */
  readonly weigh?: (result: T) => number;
}

/** A line of jobs with one reader. */
export class OrderedQueue<T> implements AsyncIterable<T> {
  readonly #options: Required<QueueOptions<T>>;
  #jobs: Job<T>[] = [];
  #active = 0;
  readonly #resuming: (() => void)[] = [];
  /** A job that tries again got the last place: a new one gets the next. */
  #resumedLast = false;
  #ended = false;
  #failure: { error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(options: QueueOptions<T>) {
    this.#options = { maxAhead: options.parallel, maxHeldBytes: Number.POSITIVE_INFINITY, weigh: () => 0, ...options };
  }

  /** Jobs that have not begun. */
  get waiting(): number {
    return this.#jobs.reduce((count, { begun }) => count + (begun ? 0 : 1), 0);
  }

  /** Puts a job at the end; it begins when its turn comes. */
  push(run: (place: JobSlot) => Promise<T>): void {
    this.#jobs.push(jobOf(run));
    this.#start();
    this.#wake?.();
  }

  /**
   * Takes out jobs that have not begun, oldest first, until `keep` are left.
   *
   * @param instead is put in their place
   * @returns how many were taken out
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

  /** Nothing more will be put in; the reader ends after the last result, or throws `failure.error`. */
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

  /** The oldest job that has not begun, if it may. */
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
    const place: JobSlot = {
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
    job.result = job.run(place).then(
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
    // It is awaited when its turn comes; until then a failure is not an unhandled one.
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

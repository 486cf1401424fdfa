/**
 * Does jobs side by side and gives their results in the order in which they were put in.
 * In: jobs. Out: results. At most `parallel` are running or wait to be taken, so that memory is bounded.
 */

interface Job<T> {
  readonly run: () => Promise<T>;
  result: Promise<T> | undefined;
}

/** A line of jobs with one reader. */
export class DownloadLine<T> implements AsyncIterable<T> {
  readonly #parallel: number;
  #jobs: Job<T>[] = [];
  #ended = false;
  #failure: { error: unknown } | undefined;
  #wake: (() => void) | undefined;

  /** @param parallel jobs at a time, 1 or more */
  constructor(parallel: number) {
    this.#parallel = parallel;
  }

  /** Jobs that have not begun. */
  get waiting(): number {
    return this.#jobs.reduce((count, { result }) => count + (result ? 0 : 1), 0);
  }

  /** Puts a job at the end; it begins when its turn comes. */
  push(run: () => Promise<T>): void {
    this.#jobs.push({ run, result: undefined });
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
    const begun = this.#jobs.filter(({ result }) => result);
    const waiting = this.#jobs.filter(({ result }) => !result);
    const count = waiting.length - keep;
    if (count <= 0) return 0;
    this.#jobs = [...begun, { run: instead(count), result: undefined }, ...waiting.slice(count)];
    return count;
  }

  /** Nothing more will be put in; the reader ends after the last result, or throws `failure.error`. */
  end(failure?: { error: unknown }): void {
    this.#ended = true;
    this.#failure = failure;
    this.#wake?.();
  }

  #start(): void {
    for (const job of this.#jobs.slice(0, this.#parallel)) {
      if (job.result) continue;
      job.result = job.run();
      // It is awaited when its turn comes; until then a failure is not an unhandled one.
      job.result.catch(() => {});
    }
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

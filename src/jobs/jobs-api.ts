/**
 * Jobs of any kind in the API: list, get, cancel. Each kind is registered once and sets how long its jobs are kept.
 * In: kinds, requests, the queue. Out: JobView, events `job.*`; calls of a kind when its jobs are deleted.
 */
import { printRfc3339 } from '../api/instant.ts';
import type { JobView } from '../api/job-shapes.ts';
import type { JobPage, JobQuery, JobsApi } from '../api/jobs-api.ts';
import type { EventBus } from '../cluster/event-bus.ts';
import { sleep } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { OxbowError } from '../lib/errors.ts';
import type { Job, JobContext, JobHandler, JobQueue } from './job.ts';

/** One kind of job. */
export interface JobKind {
  /** As `Job.kind`. */
  readonly name: string;
  /** Runs one job; returns its result. */
  readonly work: JobHandler;
  /** How long a job is kept after its end, ms. Read at each use. */
  readonly keepMs: number;
  /** The result of a finished job in the API and in events. */
  resultOf(job: Job): JobView['result'];
  /** Deletes what a job produced; called after the job was deleted. */
  discard?(job: Job): Promise<void>;
  /** Deletes what a process that died during a job left; called once at the start. */
  sweep?(): Promise<void>;
}

/** What jobs are opened with. */
export interface JobsOptions {
  readonly queue: JobQueue;
  readonly clock: Clock;
  readonly events: Pick<EventBus, 'publish'>;
  readonly failed: (error: unknown) => void;
}

/** Interval of the search for expired jobs, ms. */
const EXPIRE_EVERY_MS = 60_000;
/** Progress is published at most this often, ms. */
const PROGRESS_EVERY_MS = 1000;
/** Page size by default and at most. */
const LISTED = 200;
const MAX_LISTED = 1000;

/** The jobs of a server. */
export class Jobs implements JobsApi {
  /** For kinds that read their own jobs. */
  readonly queue: JobQueue;
  readonly #options: JobsOptions;
  readonly #kinds = new Map<string, JobKind>();

  constructor(options: JobsOptions) {
    this.#options = options;
    this.queue = options.queue;
  }

  /** Registers a kind; before `work`. */
  register(kind: JobKind): void {
    this.#kinds.set(kind.name, kind);
  }

  /** Starts to run jobs of all registered kinds. */
  async work(): Promise<void> {
    for (const { name, work } of this.#kinds.values()) {
      await this.queue.work(name, (job, context) => work(job, this.#publishing(job, context)));
    }
  }

  /**
   * Adds a job.
   *
   * @throws OxbowError `queue-full`
   */
  async add(kind: string, input: unknown): Promise<JobView> {
    const job = await this.queue.add(kind, input);
    this.#publish('job.created', job);
    return this.#view(job);
  }

  /**
   * A page of the jobs, newest first.
   *
   * @param query.cursor `nextCursor` of the page before; its last job may have been deleted since
   * @throws OxbowError `bad-request` for an invalid cursor
   */
  async list({ limit = LISTED, cursor }: JobQuery = {}): Promise<JobPage> {
    if (cursor !== undefined && !/^[1-9][0-9]{0,14}$/.test(cursor)) {
      throw new OxbowError('bad-request', 'The cursor is not one of this list.');
    }
    const most = Math.min(limit, MAX_LISTED);
    const jobs = await this.queue.list(most + 1, cursor === undefined ? undefined : Number(cursor));
    const shown = jobs.slice(0, most);
    return {
      items: shown.map((job) => this.#view(job)),
      nextCursor: jobs.length > most ? String(shown.at(-1)!.number) : null,
    };
  }

  /**
   * A job.
   *
   * @throws OxbowError `job-unknown`
   */
  async get(id: string): Promise<JobView> {
    return this.#view(await this.find(id));
  }

  /**
   * A job of the queue.
   *
   * @throws OxbowError `job-unknown`
   */
  async find(id: string): Promise<Job> {
    const job = await this.queue.find(id);
    if (!job) throw new OxbowError('job-unknown', `There is no job ${id.slice(0, 80)}.`);
    return job;
  }

  /**
   * Cancels a job; deletes a finished one, with what it produced.
   *
   * @throws OxbowError `job-unknown`
   */
  async cancel(id: string): Promise<JobView> {
    const job = await this.queue.cancel(id);
    if (job.state === 'done') await this.forget(job);
    return this.#view(job);
  }

  /** Deletes a finished job and what it produced. */
  async forget(job: Job): Promise<void> {
    await this.queue.forget(job.id);
    await this.#kinds.get(job.kind)?.discard?.(job);
  }

  /** Publishes the end of a job; called by the queue. */
  ended(job: Job): void {
    const { id, kind, state, progress, error } = job;
    const { events } = this.#options;
    if (state === 'done') events.publish('job.done', { id, kind, state, progress, result: this.#resultOf(job) });
    else if (state === 'failed') events.publish('job.failed', { id, kind, state, progress, error });
    else this.#publish('job.cancelled', job);
  }

  /** Sweeps once, then deletes expired jobs until aborted. */
  async expire({ signal }: { signal: AbortSignal }): Promise<void> {
    const { clock, failed } = this.#options;
    for (const kind of this.#kinds.values()) await kind.sweep?.().catch(failed);
    while (!signal.aborted) {
      for (const kind of this.#kinds.values()) {
        try {
          const expired = await this.queue.forgetEndedBefore(kind.name, clock.nowMs() - kind.keepMs);
          for (const job of expired) await kind.discard?.(job);
        } catch (error) {
          failed(error);
        }
      }
      await sleep(EXPIRE_EVERY_MS, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
    }
  }

  #publish(type: 'job.created' | 'job.progress' | 'job.cancelled', { id, kind, state, progress }: Job): void {
    this.#options.events.publish(type, { id, kind, state, progress });
  }

  /** The context of a job with progress that is also published. */
  #publishing(job: Job, { signal, progress }: JobContext): JobContext {
    const { clock } = this.#options;
    let publishedAtMs = clock.monotonicMs();
    return {
      signal,
      progress: (share) => {
        progress(share);
        if (clock.monotonicMs() - publishedAtMs < PROGRESS_EVERY_MS) return;
        publishedAtMs = clock.monotonicMs();
        this.#publish('job.progress', { ...job, progress: Math.round(share * 1000) / 1000 });
      },
    };
  }

  #resultOf(job: Job): JobView['result'] {
    return job.state === 'done' ? (this.#kinds.get(job.kind)?.resultOf(job) ?? null) : null;
  }

  #view(job: Job): JobView {
    const time = (ms: number | null) => (ms === null ? null : printRfc3339(ms));
    const keepMs = this.#kinds.get(job.kind)?.keepMs;
    return {
      id: job.id,
      kind: job.kind,
      state: job.state,
      progress: Math.round(job.progress * 1000) / 1000,
      input: job.input as Readonly<Record<string, unknown>>,
      result: this.#resultOf(job),
      error: job.error,
      createdAt: printRfc3339(job.createdMs),
      startedAt: time(job.startedMs),
      endedAt: time(job.endedMs),
      expiresAt: time(job.endedMs === null || keepMs === undefined ? null : job.endedMs + keepMs),
    };
  }
}

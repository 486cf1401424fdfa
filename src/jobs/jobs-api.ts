/**
 * Jobs of any kind in the API: list, get, cancel, retry. Kinds say how jobs run, how long they are kept and
 * what is deleted with them.
 * In: requests, kinds, the queue. Out: JobView; calls of a kind when its jobs run, expire or are deleted.
 */
import type { JobView } from '../api/jobs/job-shapes.ts';
import type { JobPage, JobQuery, JobsApi } from '../api/jobs/jobs-api.ts';
import { sleep } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { OxbowError } from '../lib/errors.ts';
import type { Job, JobOptions, JobQueue } from './job.ts';
import type { JobEvents } from './job-events.ts';
import { isRemote, type JobKinds } from './job-kinds.ts';
import { viewOf } from './job-view.ts';
import { limitsOf } from './remote-kind.ts';

interface JobsOptions {
  readonly queue: JobQueue;
  readonly clock: Clock;
  /** Name of this node; empty without a cluster. */
  readonly node?: string | undefined;
  readonly kinds: JobKinds;
  readonly events: Pick<JobEvents, 'added' | 'reporting'>;
  readonly failed: (error: unknown) => void;
}

/** Interval of the search for expired jobs, ms. */
const EXPIRE_EVERY_MS = 60_000;
/**
 * A job of another node is forgotten this much later, ms; that node sweeps leftovers when it is back.
 */
const LATER_MS = 24 * 3_600_000;
/** Page size by default and at most. */
const LISTED = 200;
const MAX_LISTED = 1000;

/** The jobs of a server. */
export class Jobs implements JobsApi {
  /** For kinds that read their jobs. */
  readonly queue: JobQueue;
  readonly #options: JobsOptions;
  readonly #kinds: JobKinds;

  constructor(options: JobsOptions) {
    this.#options = options;
    this.queue = options.queue;
    this.#kinds = options.kinds;
  }

  /** A job in the API. */
  readonly view = (job: Job): JobView => viewOf(job, this.#kinds.find(job.kind));

  /** Starts to run jobs of all registered kinds of this process. */
  async work(): Promise<void> {
    const { events } = this.#options;
    for (const kind of this.#kinds.all) {
      if (isRemote(kind)) continue;
      await this.queue.work(kind.name, (job, context) => kind.work(job, events.reporting(job, context)));
    }
  }

  /**
   * Adds a job.
   *
   * @throws OxbowError `queue-full`
   */
  async add(kind: string, input: unknown, options: JobOptions = {}): Promise<JobView> {
    const remote = this.#kinds.findRemote(kind);
    const job = await this.queue.add(kind, input, {
      ...(remote && { maxQueued: limitsOf(remote).queued }),
      ...options,
    });
    this.#options.events.added(job);
    return this.view(job);
  }

  /**
   * A page of the jobs, newest first.
   *
   * @param query.cursor `nextCursor` of the page before; its last job may have been deleted since
   * @throws OxbowError `bad-request` for an invalid cursor
   */
  async list({ limit = LISTED, cursor, ...filter }: JobQuery = {}): Promise<JobPage> {
    if (cursor !== undefined && !/^[1-9][0-9]{0,14}$/.test(cursor)) {
      throw new OxbowError('bad-request', 'The cursor is not one of this list.');
    }
    const most = Math.min(limit, MAX_LISTED);
    const jobs = await this.queue.list(most + 1, cursor === undefined ? undefined : Number(cursor), filter);
    const shown = jobs.slice(0, most);
    return {
      items: shown.map((job) => this.view(job)),
      nextCursor: jobs.length > most ? String(shown.at(-1)!.number) : null,
    };
  }

  /**
   * A job.
   *
   * @throws OxbowError `job-unknown`
   */
  async get(id: string): Promise<JobView> {
    return this.view(await this.find(id));
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
   * Cancels a job; deletes a finished one, with its output.
   *
   * @throws OxbowError `job-unknown`
   */
  async cancel(id: string): Promise<JobView> {
    const job = await this.queue.cancel(id);
    if (job.state === 'done') await this.forget(job);
    return this.view(job);
  }

  /**
   * Queues a failed or cancelled job again.
   *
   * @throws OxbowError `job-unknown`, `job-not-failed`
   */
  async retry(id: string): Promise<JobView> {
    const { state } = await this.find(id);
    if (state !== 'failed' && state !== 'cancelled') {
      throw new OxbowError('job-not-failed', `The job is ${state}.`);
    }
    return this.view(await this.queue.retry(id));
  }

  /** Deletes a finished job and its output. */
  async forget(job: Job): Promise<void> {
    await this.queue.forget(job.id);
    await this.#kinds.find(job.kind)?.discard?.(job);
  }

  /** Sweeps once, then deletes expired jobs until aborted. */
  async expire({ signal }: { signal: AbortSignal }): Promise<void> {
    const { clock, failed } = this.#options;
    const { node } = this.#options;
    for (const kind of this.#kinds.all) await kind.sweep?.().catch(failed);
    while (!signal.aborted) {
      for (const kind of this.#kinds.all) {
        try {
          const beforeMs = clock.nowMs() - kind.keepMs;
          // The output of a job of a process is in its node; the row goes later if that node is gone.
          const isPlaced = Boolean(node) && !isRemote(kind) && kind.place !== undefined;
          const expired = await this.queue.forgetEndedBefore(kind.name, beforeMs, isPlaced ? 'own' : undefined);
          for (const job of expired) await kind.discard?.(job);
          if (isPlaced) await this.queue.forgetEndedBefore(kind.name, beforeMs - LATER_MS, 'others');
        } catch (error) {
          failed(error);
        }
      }
      await sleep(EXPIRE_EVERY_MS, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
    }
  }
}

/**
 * Jobs of any kind in the API: list, get, cancel, retry. Each kind is registered once: one that runs in this
 * process, or one that workers run.
 * In: kinds, requests, the queue. Out: JobView, events `job.*`; calls of a kind when its jobs end or are
 * deleted.
 */
import { printRfc3339 } from '../api/instant.ts';
import type { JobView } from '../api/jobs/job-shapes.ts';
import type { JobPage, JobQuery, JobsApi } from '../api/jobs/jobs-api.ts';
import type { EventBus } from '../cluster/bus/event-bus.ts';
import { sleep } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { OxbowError } from '../lib/errors.ts';
import type { Job, JobContext, JobHandler, JobOptions, JobQueue } from './job.ts';
import { limitsOf, type RemoteKind } from './remote-kind.ts';

/** One kind of job that runs in this process. */
export interface JobKind {
  /** As `Job.kind`. */
  readonly name: string;
  /** Runs one job; returns its result. */
  readonly work: JobHandler;
  /**
   * In a cluster: its jobs need files of their subject, which is this. Jobs of this process then run where
   * the subject is; inputs and outputs of workers are passed on to there.
   */
  readonly place?: 'stream' | 'asset';
  /** How long a job is kept after its end, ms. Read at each use. */
  readonly keepMs: number;
  /** The result of a finished job in the API and in events. */
  resultOf(job: Job): JobView['result'];
  /** Deletes the output of a job; called after the job was deleted. */
  discard?(job: Job): Promise<void>;
  /** Deletes leftovers of a process that died during a job; called once at the start. */
  sweep?(): Promise<void>;
}

interface JobsOptions {
  readonly queue: JobQueue;
  readonly clock: Clock;
  /** Name of this node; empty without a cluster. */
  readonly node?: string | undefined;
  readonly events: Pick<EventBus, 'publish'>;
  /** A job of a kind that workers run was queued. */
  readonly queued?: (job: Job) => void;
  readonly failed: (error: unknown) => void;
}

/** Interval of the search for expired jobs, ms. */
const EXPIRE_EVERY_MS = 60_000;
/**
 * A job of another node is forgotten this much later, ms; that node sweeps leftovers when it is back.
 */
const LATER_MS = 24 * 3_600_000;
/** Progress is published at most this often, ms. */
const PROGRESS_EVERY_MS = 1000;
/** Page size by default and at most. */
const LISTED = 200;
const MAX_LISTED = 1000;

/** The jobs of a server. */
export class Jobs implements JobsApi {
  /** For kinds that read their jobs. */
  readonly queue: JobQueue;
  readonly #options: JobsOptions;
  readonly #kinds = new Map<string, JobKind | RemoteKind>();
  readonly #publishedAtMs = new Map<string, number>();

  constructor(options: JobsOptions) {
    this.#options = options;
    this.queue = options.queue;
  }

  /** A job in the API. */
  readonly view = (job: Job): JobView => {
    const time = (ms: number | null) => (ms === null ? null : printRfc3339(ms));
    const keepMs = this.#kinds.get(job.kind)?.keepMs;
    return {
      id: job.id,
      kind: job.kind,
      state: job.state,
      subject: job.subject,
      priority: job.priority,
      progress: share(job.progress),
      parts: rounded(job.parts),
      input: job.input as Readonly<Record<string, unknown>>,
      result: this.#resultOf(job),
      error: job.error,
      tries: job.tries,
      maxTries: job.maxTries,
      worker: job.worker,
      failures: job.failures.map(({ atMs, ...failure }) => ({ ...failure, at: printRfc3339(atMs) })),
      createdAt: printRfc3339(job.createdMs),
      notBefore: job.state === 'queued' && job.notBeforeMs > 0 ? printRfc3339(job.notBeforeMs) : null,
      startedAt: time(job.startedMs),
      endedAt: time(job.endedMs),
      expiresAt: time(job.endedMs === null || keepMs === undefined ? null : job.endedMs + keepMs),
    };
  };

  /** Registers a kind; before `work`. */
  register(kind: JobKind | RemoteKind): void {
    this.#kinds.set(kind.name, kind);
  }

  /** The kind of a name, if workers run it. */
  readonly remoteKind = (name: string): RemoteKind | undefined => {
    const kind = this.#kinds.get(name);
    return kind && isRemote(kind) ? kind : undefined;
  };

  /** The type of the subject of a kind, if its jobs need the files of the subject. */
  readonly placeOf = (kind: string): 'stream' | 'asset' | undefined => this.#kinds.get(kind)?.place;

  /** Names of all registered kinds. */
  get kindNames(): readonly string[] {
    return [...this.#kinds.keys()];
  }

  /** Starts to run jobs of all registered kinds of this process. */
  async work(): Promise<void> {
    for (const kind of this.#kinds.values()) {
      if (isRemote(kind)) continue;
      await this.queue.work(kind.name, (job, context) => kind.work(job, this.#publishing(job, context)));
    }
  }

  /**
   * Adds a job.
   *
   * @throws OxbowError `queue-full`
   */
  async add(kind: string, input: unknown, options: JobOptions = {}): Promise<JobView> {
    const remote = this.remoteKind(kind);
    const job = await this.queue.add(kind, input, {
      ...(remote && { maxQueued: limitsOf(remote).queued }),
      ...options,
    });
    this.#publish('job.created', job);
    if (remote) this.#options.queued?.(job);
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
    await this.#kinds.get(job.kind)?.discard?.(job);
  }

  /** Publishes the end of a job; called by the queue. */
  ended(job: Job): void {
    const { events, failed } = this.#options;
    this.#publishedAtMs.delete(job.id);
    if (job.state === 'done') events.publish('job.done', { ...dataOf(job), result: this.#resultOf(job) });
    else if (job.state === 'failed') events.publish('job.failed', { ...dataOf(job), error: job.error });
    else this.#publish('job.cancelled', job);
    void this.remoteKind(job.kind)?.ended?.(job).catch(failed);
  }

  /** Publishes that a job has started, or waits again; called by the queue. */
  changed(job: Job): void {
    this.#publishedAtMs.delete(job.id);
    this.#publish('job.progress', job);
    if (job.state === 'queued' && this.remoteKind(job.kind)) this.#options.queued?.(job);
  }

  /**
   * Publishes progress that a worker has reported: the first one at once, further ones at most once a second.
   */
  progressed(job: Job): void {
    const nowMs = this.#options.clock.monotonicMs();
    const lastMs = this.#publishedAtMs.get(job.id);
    if (lastMs !== undefined && nowMs - lastMs < PROGRESS_EVERY_MS) return;
    this.#publishedAtMs.set(job.id, nowMs);
    this.#publish('job.progress', job);
  }

  /** Sweeps once, then deletes expired jobs until aborted. */
  async expire({ signal }: { signal: AbortSignal }): Promise<void> {
    const { clock, failed } = this.#options;
    const { node } = this.#options;
    for (const kind of this.#kinds.values()) await kind.sweep?.().catch(failed);
    while (!signal.aborted) {
      for (const kind of this.#kinds.values()) {
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

  #publish(type: 'job.created' | 'job.progress' | 'job.cancelled', job: Job): void {
    this.#options.events.publish(type, dataOf(job));
  }

  /** The context of a job with progress that is also published. */
  #publishing(job: Job, { signal, progress }: JobContext): JobContext {
    const { clock } = this.#options;
    let publishedAtMs = clock.monotonicMs();
    return {
      signal,
      progress: (share, parts = {}) => {
        progress(share, parts);
        if (clock.monotonicMs() - publishedAtMs < PROGRESS_EVERY_MS) return;
        publishedAtMs = clock.monotonicMs();
        this.#publish('job.progress', { ...job, progress: share, parts });
      },
    };
  }

  #resultOf(job: Job): JobView['result'] {
    return job.state === 'done' ? (this.#kinds.get(job.kind)?.resultOf(job) ?? null) : null;
  }
}

/** Rounded for readers. */
const share = (value: number): number => Math.round(value * 1000) / 1000;

const isRemote = (kind: JobKind | RemoteKind): kind is RemoteKind => 'inputLocation' in kind;

/** The data of every event of a job. */
function dataOf({ id, kind, state, progress, parts, subject }: Job) {
  return { id, kind, state, progress: share(progress), parts: rounded(parts), subject };
}

function rounded(parts: Job['parts']): Record<string, number> {
  return Object.fromEntries(Object.entries(parts).map(([name, value]) => [name, share(value)]));
}

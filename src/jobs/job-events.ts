/**
 * The events `job.*` of the jobs of a server.
 * In: changes of jobs, from the queue and from workers. Out: events; calls of a kind when its jobs end;
 * reports of jobs that wait for workers.
 */
import type { EventBus } from '../cluster/bus/event-bus.ts';
import type { Clock } from '../lib/clock.ts';
import type { Job, JobContext } from './job.ts';
import type { JobKinds } from './job-kinds.ts';
import { eventDataOf, resultOf } from './job-view.ts';

interface JobEventsOptions {
  readonly kinds: JobKinds;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly events: Pick<EventBus, 'publish'>;
  /** A job of a kind that workers run was queued. */
  readonly queued?: (job: Job) => void;
  readonly failed: (error: unknown) => void;
}

/** Progress is published at most this often, ms. */
const PROGRESS_EVERY_MS = 1000;

export class JobEvents {
  readonly #options: JobEventsOptions;
  readonly #publishedAtMs = new Map<string, number>();

  constructor(options: JobEventsOptions) {
    this.#options = options;
  }

  /** A job was added. */
  added(job: Job): void {
    this.#publish('job.created', job);
    if (this.#options.kinds.findRemote(job.kind)) this.#options.queued?.(job);
  }

  /** A job has ended. */
  ended(job: Job): void {
    const { events, kinds, failed } = this.#options;
    this.#publishedAtMs.delete(job.id);
    const data = eventDataOf(job);
    if (job.state === 'done') events.publish('job.done', { ...data, result: resultOf(job, kinds.find(job.kind)) });
    else if (job.state === 'failed') events.publish('job.failed', { ...data, error: job.error });
    else this.#publish('job.cancelled', job);
    void kinds.findRemote(job.kind)?.ended?.(job).catch(failed);
  }

  /** A job has started, or waits again. */
  changed(job: Job): void {
    this.#publishedAtMs.delete(job.id);
    this.#publish('job.progress', job);
    if (job.state === 'queued' && this.#options.kinds.findRemote(job.kind)) this.#options.queued?.(job);
  }

  /**
   * A worker has reported progress: the first report is published at once, further ones at most once a
   * second.
   */
  progressed(job: Job): void {
    const nowMs = this.#options.clock.monotonicMs();
    const lastMs = this.#publishedAtMs.get(job.id);
    if (lastMs !== undefined && nowMs - lastMs < PROGRESS_EVERY_MS) return;
    this.#publishedAtMs.set(job.id, nowMs);
    this.#publish('job.progress', job);
  }

  /** The context of a job of this process, with progress that is also published. */
  reporting(job: Job, { signal, progress }: JobContext): JobContext {
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

  #publish(type: 'job.created' | 'job.progress' | 'job.cancelled', job: Job): void {
    this.#options.events.publish(type, eventDataOf(job));
  }
}

/**
 * One registered worker as the server sees it: its free slots, its connection, and the jobs that it holds.
 * In: claims, heartbeats. Out: WorkerView; jobs that are sent to it.
 */
import { printRfc3339 } from '../api/instant.ts';
import type { EncoderView } from '../api/workers/encoder-shapes.ts';
import type { JobOffer, WorkerView } from '../api/workers/worker-shapes.ts';
import type { WorkerLines } from '../api/workers/workers-api.ts';
import type { Clock } from '../lib/clock.ts';
import type { Job } from './job.ts';
import type { WorkerRow } from './worker-table.ts';

/** Every ladder has it. */
const RANKED_CODEC = 'h264';

export class ConnectedWorker {
  readonly row: WorkerRow;
  /** Jobs that it holds, by id. */
  readonly jobs = new Map<string, Job>();
  isDraining = false;
  #encoders: readonly EncoderView[] = [];
  /** Jobs that it got after its last report of encoders. */
  #since = 0;
  readonly #clock: Clock;
  readonly #silentAfterMs: number;
  #seenAtMs = 0;
  #seenMs = 0;
  /** Open response of a push worker. */
  lines: WorkerLines | undefined;
  /** Claims of a pull worker that wait, oldest first. */
  readonly claims: ((job: JobOffer | undefined) => void)[] = [];

  /** @param silentAfterMs a worker without a heartbeat for this long gets no jobs */
  constructor(row: WorkerRow, clock: Clock, silentAfterMs: number) {
    this.row = row;
    this.#clock = clock;
    this.#silentAfterMs = silentAfterMs;
    this.seen();
  }

  /** The worker has sent a request. */
  seen(): void {
    this.#seenAtMs = this.#clock.monotonicMs();
    this.#seenMs = this.#clock.nowMs();
  }

  /** Time since its last request, ms. */
  get silentMs(): number {
    return this.#clock.monotonicMs() - this.#seenAtMs;
  }

  /** Jobs that it can get now; 0 if it cannot be reached. */
  get free(): number {
    if (this.isDraining || this.silentMs > this.#silentAfterMs) return 0;
    const slots = this.row.slots - this.jobs.size;
    if (this.row.mode === 'push') return this.lines ? slots : 0;
    return this.claims.length > 0 ? slots : 0;
  }

  /** Its hardware encoders now. */
  reports(encoders: readonly EncoderView[]): void {
    this.#encoders = encoders;
    this.#since = 0;
  }

  /**
   * The speed of the fastest encoder that its next job may get, pictures of 720p in a second; 0 where
   * software would encode it. Sessions of a device share its speed.
   */
  get speed(): number {
    const free = this.#encoders.filter(({ state, used, sessions, codec }) => {
      return state === 'ready' && used + this.#since < sessions && codec === RANKED_CODEC;
    });
    return Math.max(0, ...free.map(({ speed, used }) => speed / (used + this.#since + 1)));
  }

  /** Sends it a job that it has leased. @param traceparent of the span of the job */
  deliver(job: Job, traceparent: string | undefined): void {
    this.jobs.set(job.id, job);
    this.#since++;
    const offer = { ...offerOf(job), ...(traceparent !== undefined && { traceparent }) };
    if (this.row.mode === 'push') this.lines?.send({ type: 'job', job: offer });
    else this.claims.shift()?.(offer);
  }

  /** The worker has no further requests open. */
  disconnect(): void {
    this.lines?.end();
    this.lines = undefined;
    for (const answer of this.claims.splice(0)) answer(undefined);
  }

  /** The worker in the API. */
  view(): WorkerView {
    const { id, name, mode, own, slots, kinds, facts, createdMs } = this.row;
    const isSilent = this.silentMs > this.#silentAfterMs;
    return {
      id,
      name,
      mode,
      own,
      slots,
      kinds: [...kinds],
      facts,
      state: isSilent ? 'silent' : this.isDraining ? 'draining' : 'online',
      jobs: [...this.jobs.values()].map((job) => ({
        id: job.id,
        kind: job.kind,
        subject: job.subject,
        progress: Math.round(job.progress * 1000) / 1000,
      })),
      encoders: [...this.#encoders],
      createdAt: printRfc3339(createdMs),
      seenAt: printRfc3339(this.#seenMs),
    };
  }
}

function offerOf(job: Job): JobOffer {
  const { id, token, kind, input, subject, priority, tries, maxTries, number, createdMs, startedMs } = job;
  return {
    id,
    token,
    kind,
    input,
    subject,
    priority,
    tries,
    maxTries,
    number,
    createdAt: printRfc3339(createdMs),
    startedAt: printRfc3339(startedMs ?? createdMs),
  };
}

/**
 * The embedded queue: jobs are rows of the metadata store and run in this process.
 * In: a store. Out: JobQueue. A job that ran when the process died is started again, three times at most.
 */
import { randomBytes } from 'node:crypto';
import type { Kysely, Selectable, Updateable } from 'kysely';
import type { Clock } from '../lib/clock.ts';
import { messageOf, OxbowError } from '../lib/errors.ts';
import type { JobTable, Tables } from '../store/schema.ts';
import type { Job, JobError, JobHandler, JobQueue, JobState } from './job.ts';

/** A job during which the process died so often fails. */
const MAX_TRIES = 3;
/** Progress is stored at most this often, ms. */
const WRITE_EVERY_MS = 1000;

/** What the queue is opened with. */
export interface TableQueueOptions {
  readonly db: Kysely<Tables>;
  readonly clock: Clock;
  /** Jobs that run at the same time. */
  readonly parallel: number;
  /** Jobs that can wait. */
  readonly maxQueued: number;
  /** Called when a job has ended. */
  readonly ended?: (job: Job) => void;
  /** Called with errors of the store and with bugs. */
  readonly failed: (error: unknown) => void;
}

interface Running {
  readonly controller: AbortController;
  readonly done: Promise<void>;
  /** 0 to 1. */
  progress: number;
  isCancelled: boolean;
}

/**
 * Opens the queue; jobs that ran when the last process ended are queued again, before the others.
 */
export async function openTableQueue(options: TableQueueOptions): Promise<JobQueue> {
  const { db } = options;
  const lost = await db.selectFrom('job').selectAll().where('state', '=', 'running').execute();
  for (const row of lost) {
    const again = row.tries < MAX_TRIES;
    const error: JobError = { code: 'internal', detail: `oxbow ended ${row.tries} times during this job` };
    const nowUs = Math.round(options.clock.nowMs() * 1000);
    await db
      .updateTable('job')
      .set(
        again ? { state: 'queued', progress: 0 } : { state: 'failed', error: JSON.stringify(error), ended_us: nowUs },
      )
      .where('id', '=', row.id)
      .execute();
  }
  const { queued } = await db
    .selectFrom('job')
    .select((eb) => eb.fn.countAll<number>().as('queued'))
    .where('state', '=', 'queued')
    .executeTakeFirstOrThrow();
  return new TableQueue(options, queued);
}

class TableQueue implements JobQueue {
  readonly #options: TableQueueOptions;
  readonly #works = new Map<string, JobHandler>();
  readonly #running = new Map<string, Running>();
  #queued: number;
  /** The last step that takes or cancels jobs; steps run one after the other. */
  #taking: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(options: TableQueueOptions, queued: number) {
    this.#options = options;
    this.#queued = queued;
  }

  async counts(): Promise<{ queued: number; running: number }> {
    return { queued: this.#queued, running: this.#running.size };
  }

  async add(kind: string, input: unknown): Promise<Job> {
    const { db, clock, maxQueued } = this.#options;
    if (this.#closing) throw new OxbowError('not-ready', 'oxbow is shutting down');
    if (this.#queued >= maxQueued) {
      throw new OxbowError('queue-full', `${this.#queued} jobs are queued already`, {
        extra: { retryAfterSeconds: 30 },
      });
    }
    this.#queued++;
    const nowMs = clock.nowMs();
    const id = `${Math.floor(nowMs).toString(36)}-${randomBytes(8).toString('hex')}`;
    const row = { id, kind, state: 'queued', progress: 0, input: JSON.stringify(input), tries: 0 };
    try {
      const made = await db
        .insertInto('job')
        .values({
          ...row,
          created_us: Math.round(nowMs * 1000),
          result: null,
          error: null,
          started_us: null,
          ended_us: null,
        })
        .returningAll()
        .executeTakeFirstOrThrow();
      return this.#jobOf(made);
    } catch (error) {
      this.#queued--;
      throw error;
    } finally {
      this.#take();
    }
  }

  async find(id: string): Promise<Job | undefined> {
    const row = await this.#options.db.selectFrom('job').selectAll().where('id', '=', id).executeTakeFirst();
    return row && this.#jobOf(row);
  }

  async list(limit: number, before?: number): Promise<readonly Job[]> {
    let query = this.#options.db.selectFrom('job').selectAll().orderBy('seq', 'desc').limit(limit);
    if (before !== undefined) query = query.where('seq', '<', before);
    const rows = await query.execute();
    return rows.map((row) => this.#jobOf(row));
  }

  async cancel(id: string): Promise<Job> {
    const { db } = this.#options;
    // Not while jobs are taken: a job is either queued now, or running.
    await this.#inTurn(async () => {
      const running = this.#running.get(id);
      if (running) {
        running.isCancelled = true;
        running.controller.abort(new DOMException('the job was cancelled', 'AbortError'));
        return;
      }
      const { numUpdatedRows } = await db
        .updateTable('job')
        .set({ state: 'cancelled', ended_us: this.#nowUs() })
        .where('id', '=', id)
        .where('state', '=', 'queued')
        .executeTakeFirst();
      if (numUpdatedRows === 0n) return;
      this.#queued--;
      await this.#notifyEnd(id);
    });
    await this.#running.get(id)?.done;
    const job = await this.find(id);
    if (!job) throw new OxbowError('job-unknown', `There is no job ${id.slice(0, 80)}.`);
    return job;
  }

  async work(kind: string, work: JobHandler): Promise<void> {
    this.#works.set(kind, work);
    this.#take();
  }

  async forgetEndedBefore(kind: string, ms: number): Promise<readonly Job[]> {
    const rows = await this.#options.db
      .deleteFrom('job')
      .where('kind', '=', kind)
      .where('ended_us', '<', Math.round(ms * 1000))
      .returningAll()
      .execute();
    return rows.map((row) => this.#jobOf(row));
  }

  async forget(id: string): Promise<void> {
    await this.#options.db.deleteFrom('job').where('id', '=', id).where('ended_us', 'is not', null).execute();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= (async () => {
      await this.#taking;
      const ended = new DOMException('oxbow is shutting down', 'AbortError');
      const running = [...this.#running.values()];
      for (const { controller } of running) controller.abort(ended);
      await Promise.all(running.map(({ done }) => done));
    })();
    return this.#closing;
  }

  #nowUs(): number {
    return Math.round(this.#options.clock.nowMs() * 1000);
  }

  async #inTurn(step: () => Promise<void>): Promise<void> {
    const turn = this.#taking.then(step);
    this.#taking = turn.catch(() => undefined); // the caller of the step handles the error
    return turn;
  }

  /** Starts queued jobs up to the limit. */
  #take(): void {
    if (this.#closing) return;
    this.#inTurn(async () => {
      const kinds = [...this.#works.keys()];
      while (!this.#closing && kinds.length > 0 && this.#queued > 0 && this.#running.size < this.#options.parallel) {
        const row = await this.#options.db
          .selectFrom('job')
          .selectAll()
          .where('state', '=', 'queued')
          .where('kind', 'in', kinds)
          .orderBy('seq')
          .limit(1)
          .executeTakeFirst();
        if (!row) return;
        await this.#begin(row);
      }
    }).catch(this.#options.failed);
  }

  async #begin(row: Selectable<JobTable>): Promise<void> {
    const started = await this.#options.db
      .updateTable('job')
      .set({ state: 'running', started_us: this.#nowUs(), tries: row.tries + 1, progress: 0 })
      .where('id', '=', row.id)
      .where('state', '=', 'queued')
      .returningAll()
      .executeTakeFirstOrThrow();
    this.#queued--;
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const running: Running = { controller: new AbortController(), done, progress: 0, isCancelled: false };
    this.#running.set(row.id, running);
    void this.#run(this.#jobOf(started), running).finally(() => {
      this.#running.delete(row.id);
      resolve();
      this.#take();
    });
  }

  /** Never rejects. */
  async #run(job: Job, running: Running): Promise<void> {
    const { failed, clock } = this.#options;
    let writtenAtMs = clock.monotonicMs();
    let writing = Promise.resolve();
    const progress = (share: number) => {
      running.progress = Math.min(1, Math.max(running.progress, share));
      if (clock.monotonicMs() - writtenAtMs < WRITE_EVERY_MS) return;
      writtenAtMs = clock.monotonicMs();
      writing = this.#set(job.id, { progress: running.progress }).catch(failed);
    };
    let change: Updateable<JobTable>;
    try {
      const result = await this.#works.get(job.kind)!(job, { signal: running.controller.signal, progress });
      change = { state: 'done', progress: 1, result: JSON.stringify(result ?? null), ended_us: this.#nowUs() };
    } catch (error) {
      change = this.#changeAfter(error, running);
    }
    try {
      await writing;
      if (change.state === 'queued') this.#queued++;
      await this.#set(job.id, change);
      if (change.state !== 'queued') await this.#notifyEnd(job.id);
    } catch (error) {
      // The store still has it as running: the next process starts it again.
      failed(error);
    }
  }

  #changeAfter(error: unknown, { controller, isCancelled }: Running): Updateable<JobTable> {
    if (isCancelled) return { state: 'cancelled', ended_us: this.#nowUs() };
    // The job is not to blame for the end of the process.
    if (controller.signal.aborted) return { state: 'queued', progress: 0 };
    const isRefusal = error instanceof OxbowError;
    if (!isRefusal) this.#options.failed(error);
    const jobError: JobError = isRefusal
      ? { code: error.code, detail: error.message }
      : { code: 'internal', detail: messageOf(error) };
    return { state: 'failed', error: JSON.stringify(jobError), ended_us: this.#nowUs() };
  }

  async #set(id: string, change: Updateable<JobTable>): Promise<void> {
    await this.#options.db.updateTable('job').set(change).where('id', '=', id).execute();
  }

  async #notifyEnd(id: string): Promise<void> {
    const job = await this.find(id);
    if (job) this.#options.ended?.(job);
  }

  #jobOf(row: Selectable<JobTable>): Job {
    const ms = (us: number | null) => (us === null ? null : us / 1000);
    return {
      id: row.id,
      number: row.seq,
      kind: row.kind,
      state: row.state as JobState,
      progress:
        row.state === 'running' ? Math.max(row.progress, this.#running.get(row.id)?.progress ?? 0) : row.progress,
      input: JSON.parse(row.input) as unknown,
      result: row.result === null ? null : (JSON.parse(row.result) as unknown),
      error: row.error === null ? null : (JSON.parse(row.error) as JobError),
      tries: row.tries,
      createdMs: row.created_us / 1000,
      startedMs: ms(row.started_us),
      endedMs: ms(row.ended_us),
    };
  }
}

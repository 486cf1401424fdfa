/**
 * The embedded queue: jobs are rows of the metadata store. Kinds with a handler run in this process, the
 * others on workers.
 * In: a store. Out: JobQueue. A job that ran here when the process died is started again, three times at
 * most. In a cluster the jobs of processes have leases like those of workers, so that another node starts
 * them.
 */
import { sleep } from '../lib/abort.ts';
import { messageOf, OxbowError } from '../lib/errors.ts';
import { withinSpan } from '../observe/traces/current-span.ts';
import type { OpenSpan } from '../observe/traces/telemetry.ts';
import type { Job, JobCount, JobFilter, JobHandler, JobOptions, JobQueue } from './job.ts';
import { insertJob, jobOf } from './job-rows.ts';
import { TableLeases, type TableLeasesOptions } from './table-leases.ts';
import { takeBack } from './take-back.ts';
import type { JobConsumption, JobTransport } from './transport/job-transport.ts';
import { createLocalTransport } from './transport/local-transport.ts';

/** Progress is stored at most this often, ms. */
const WRITE_EVERY_MS = 1000;

interface TableQueueOptions extends Omit<TableLeasesOptions, 'leaseMs'> {
  /** Jobs that run in this process at the same time. */
  readonly parallel: number;
  /** Jobs of one kind that can wait. */
  readonly maxQueued: number;
  /** Time to live of a lease of a worker, ms; 10 s by default. */
  readonly leaseMs?: number;
  /**
   * How processes are notified of jobs; by default within this one. Its owner disposes it after the queue.
   */
  readonly transport?: JobTransport | undefined;
  /** Called with errors of the store and with bugs. */
  readonly failed: (error: unknown) => void;
  /** The span of a job, the parent of its handler's spans; none by default. */
  readonly spanOf?: ((job: Job) => OpenSpan | undefined) | undefined;
}

/** Leases of this process are renewed after this share of their time to live. */
const RENEW_SHARE = 0.3;
/** Time to live of a lease, ms. */
export const LEASE_MS = 10_000;

interface Running {
  readonly controller: AbortController;
  readonly done: Promise<void>;
  /** 0 to 1. */
  progress: number;
  parts: Readonly<Record<string, number>>;
  isCancelled: boolean;
  readonly token: number;
}

/**
 * Opens the queue; jobs that ran in the last process are queued again, before the others. Workers keep their
 * leases, and have their whole time to live to come back. In a cluster that is true of the jobs and workers
 * of this node.
 */
export async function openTableQueue(options: TableQueueOptions): Promise<JobQueue> {
  const { leaseMs = LEASE_MS } = options;
  await takeBack({ ...options, leaseMs });
  return new TableQueue({ ...options, leaseMs });
}

class TableQueue implements JobQueue {
  readonly leases: TableLeases;
  readonly #options: TableQueueOptions;
  readonly #transport: JobTransport;
  readonly #consumption: JobConsumption;
  readonly #works = new Map<string, JobHandler>();
  readonly #running = new Map<string, Running>();
  /** The last step that takes or cancels jobs; steps run one after the other. */
  #taking: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #keeping: Promise<void> | undefined;

  constructor(options: TableQueueOptions & Pick<TableLeasesOptions, 'leaseMs'>) {
    this.#options = options;
    this.#transport = options.transport ?? createLocalTransport(options.failed);
    this.leases = new TableLeases({ ...options, requeued: (job, takenBack) => this.#requeued(job, takenBack) });
    this.#consumption = this.#transport.consume({
      free: () =>
        new Map([...this.#works.keys()].flatMap((kind) => (this.#isPlaced(kind) ? [] : [[kind, this.#slots]]))),
      take: (kinds) => this.#take(kinds),
    });
  }

  async counts(): Promise<readonly JobCount[]> {
    const rows = await this.#options.db
      .selectFrom('job')
      .select((eb) => ['kind', 'state', eb.fn.countAll<number>().as('count')])
      .where('state', 'in', ['queued', 'running'])
      .groupBy(['kind', 'state'])
      .orderBy('kind')
      .orderBy('state')
      .execute();
    return rows.map(({ kind, state, count }) => ({ kind, state: state as JobCount['state'], count: Number(count) }));
  }

  async waiting(limit: number): Promise<readonly Job[]> {
    const placed = [...this.#works.keys()].filter((kind) => this.#isPlaced(kind));
    let query = this.#options.db.selectFrom('job').selectAll().where('state', '=', 'queued');
    if (placed.length > 0) query = query.where('kind', 'not in', placed);
    const rows = await query
      .where('not_before_us', '<=', this.#nowUs())
      .orderBy('priority', 'desc')
      .orderBy('seq')
      .limit(limit)
      .execute();
    return rows.map(jobOf);
  }

  async add(kind: string, input: unknown, options: JobOptions = {}): Promise<Job> {
    const { db, clock } = this.#options;
    if (this.#closing) throw new OxbowError('not-ready', 'oxbow is shutting down.');
    await this.#checkRoom(kind, options.maxQueued ?? this.#options.maxQueued);
    const row = await insertJob(db, { ...options, kind, input, nowMs: clock.nowMs() });
    const job = jobOf(row);
    this.#offer(job);
    return job;
  }

  async find(id: string): Promise<Job | undefined> {
    const row = await this.#options.db.selectFrom('job').selectAll().where('id', '=', id).executeTakeFirst();
    return row && this.#withProgress(jobOf(row));
  }

  async list(limit: number, before?: number, { kind, state, subject }: JobFilter = {}): Promise<readonly Job[]> {
    let query = this.#options.db.selectFrom('job').selectAll().orderBy('seq', 'desc').limit(limit);
    if (before !== undefined) query = query.where('seq', '<', before);
    if (kind !== undefined) query = query.where('kind', '=', kind);
    if (state !== undefined) query = query.where('state', '=', state);
    if (subject !== undefined) query = query.where('subject', '=', subject);
    const rows = await query.execute();
    return rows.map((row) => this.#withProgress(jobOf(row)));
  }

  async cancel(id: string): Promise<Job> {
    const { db, ended } = this.#options;
    // Not while jobs are taken: a job is either queued now, or running.
    await this.#inTurn(async () => {
      const running = this.#running.get(id);
      if (running) {
        running.isCancelled = true;
        running.controller.abort(new DOMException('the job was cancelled', 'AbortError'));
        return;
      }
      const row = await db
        .updateTable('job')
        .set({ state: 'cancelled', ended_us: this.#nowUs(), lease_until_us: 0 })
        .where('id', '=', id)
        .where('state', 'in', ['queued', 'running'])
        .returningAll()
        .executeTakeFirst();
      if (row) ended?.(jobOf(row));
    });
    await this.#running.get(id)?.done;
    return this.#known(id);
  }

  async retry(id: string): Promise<Job> {
    const row = await this.#options.db
      .updateTable('job')
      .set({
        state: 'queued',
        progress: 0,
        parts: '{}',
        error: null,
        result: null,
        tries: 0,
        not_before_us: 0,
        started_us: null,
        ended_us: null,
      })
      .where('id', '=', id)
      .where('state', 'in', ['failed', 'cancelled'])
      .returningAll()
      .executeTakeFirst();
    if (row) this.#requeued(jobOf(row), false);
    return this.#known(id);
  }

  async work(kind: string, work: JobHandler): Promise<void> {
    this.#works.set(kind, work);
    this.#changed();
  }

  async expireLeases(): Promise<void> {
    await this.leases.expire();
    if (this.leases.own !== null) this.#changed();
  }

  async forgetEndedBefore(kind: string, ms: number, of?: 'own' | 'others'): Promise<readonly Job[]> {
    const { own: worker } = this.leases;
    let ended = this.#options.db
      .deleteFrom('job')
      .where('kind', '=', kind)
      .where('state', 'in', ['done', 'failed', 'cancelled'])
      .where('ended_us', '<', Math.round(ms * 1000));
    if (of === 'own')
      ended = ended.where((eb) => eb.or([eb('lease_worker', 'is', null), eb('lease_worker', '=', worker)]));
    if (of === 'others') ended = ended.where('lease_worker', '!=', worker);
    return (await ended.returningAll().execute()).map(jobOf);
  }

  async forget(id: string): Promise<void> {
    await this.#options.db.deleteFrom('job').where('id', '=', id).where('ended_us', 'is not', null).execute();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= (async () => {
      await this.#consumption[Symbol.asyncDispose]();
      await this.#taking;
      const ended = new DOMException('oxbow is shutting down', 'AbortError');
      const running = [...this.#running.values()];
      for (const { controller } of running) controller.abort(ended);
      await Promise.all(running.map(({ done }) => done));
      await this.#keeping;
    })();
    return this.#closing;
  }

  #nowUs(): number {
    return Math.round(this.#options.clock.nowMs() * 1000);
  }

  async #known(id: string): Promise<Job> {
    const job = await this.find(id);
    if (!job) throw new OxbowError('job-unknown', `There is no job ${id.slice(0, 80)}.`);
    return job;
  }

  async #checkRoom(kind: string, maxQueued: number): Promise<void> {
    const { count } = await this.#options.db
      .selectFrom('job')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('state', '=', 'queued')
      .where('kind', '=', kind)
      .executeTakeFirstOrThrow();
    if (count < maxQueued) return;
    throw new OxbowError('queue-full', `${count} jobs of kind ${kind} are queued already.`, {
      extra: { retryAfterSeconds: 30 },
    });
  }

  async #inTurn(step: () => Promise<void>): Promise<void> {
    const turn = this.#taking.then(step);
    this.#taking = turn.catch(() => undefined); // the caller of the step handles the error
    return turn;
  }

  /** Starts the next job of this process. */
  async #take(kinds: readonly string[]): Promise<boolean> {
    let isTaken = false;
    await this.#inTurn(async () => {
      if (this.#slots === 0) return;
      const job = await this.leases.claim(null, kinds);
      if (!job) return;
      isTaken = true;
      this.#begin(job);
    });
    return isTaken;
  }

  /** Jobs that can start in this process now. */
  get #slots(): number {
    return this.#closing ? 0 : Math.max(0, this.#options.parallel - this.#running.size);
  }

  #requeued(job: Job, takenBack: boolean): void {
    this.#options.requeued?.(job, takenBack);
    this.#offer(job);
  }

  #offer(job: Job): void {
    if (this.#isPlaced(job.kind)) this.#takePlaced();
    else this.#transport.offer(job);
  }

  /** Jobs of this process may start that could not before. */
  #changed(): void {
    this.#consumption.changed();
    this.#takePlaced();
  }

  /**
   * Whether only the node with the subject may start jobs of a kind: a transport does not know which one that
   * is.
   */
  #isPlaced(kind: string): boolean {
    return this.leases.own !== null && this.#options.placeOf?.(kind) !== undefined;
  }

  /** Starts jobs of subjects that this node owns. */
  #takePlaced(): void {
    const kinds = [...this.#works.keys()].filter((kind) => this.#isPlaced(kind));
    if (kinds.length === 0 || this.#slots === 0) return;
    const takeAll = async () => {
      while (this.#slots > 0 && (await this.#take(kinds)));
    };
    takeAll().catch(this.#options.failed);
  }

  #begin(job: Job): void {
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const controller = new AbortController();
    const { token } = job;
    const running: Running = { controller, done, progress: 0, parts: {}, isCancelled: false, token };
    this.#running.set(job.id, running);
    if (this.leases.own !== null) this.#keeping ??= this.#keepLeases(this.leases.own);
    void this.#run(job, running).finally(() => {
      this.#running.delete(job.id);
      resolve();
      this.#changed();
    });
  }

  /** Renews the leases of the jobs of this process while there are any. Never rejects. */
  async #keepLeases(worker: string): Promise<void> {
    const { leaseMs = LEASE_MS, failed } = this.#options;
    while (this.#running.size > 0) {
      const left = Promise.race([...this.#running.values()].map(({ done }) => done));
      const pause = new AbortController();
      await Promise.race([left, sleep(leaseMs * RENEW_SHARE, pause)]).finally(() => pause.abort());
      const held = [...this.#running];
      const reports = held.map(([id, { token, progress, parts }]) => ({ id, token, progress, parts }));
      const states = await this.leases.renew(worker, reports).catch((error: unknown) => {
        failed(error);
        return [];
      });
      for (const [i, state] of states.entries()) {
        const running = held[i]![1];
        if (state === 'held') continue;
        running.isCancelled ||= state === 'cancelled';
        const why = state === 'cancelled' ? 'the job was cancelled' : 'another node has started the job';
        running.controller.abort(new DOMException(why, 'AbortError'));
      }
    }
    this.#keeping = undefined;
  }

  /** Never rejects. */
  async #run(job: Job, running: Running): Promise<void> {
    const { failed, clock } = this.#options;
    let writtenAtMs = clock.monotonicMs();
    let writing: Promise<unknown> = Promise.resolve();
    const progress = (share: number, parts: Readonly<Record<string, number>> = {}) => {
      running.progress = Math.min(1, Math.max(running.progress, share));
      running.parts = parts;
      if (clock.monotonicMs() - writtenAtMs < WRITE_EVERY_MS) return;
      writtenAtMs = clock.monotonicMs();
      writing = this.#store(job.id, running).catch(failed);
    };
    try {
      let end: () => Promise<unknown>;
      try {
        const context = { signal: running.controller.signal, progress };
        const work = this.#works.get(job.kind)!;
        const result = await withinSpan(this.#options.spanOf?.(job), () => work(job, context));
        end = () => this.leases.complete(job, result);
      } catch (error) {
        end = this.#endAfter(error, job, running);
      }
      await writing;
      await end();
    } catch (error) {
      // The store still has it as running: the next process starts it again.
      failed(error);
    }
  }

  #endAfter(error: unknown, job: Job, { controller, isCancelled }: Running): () => Promise<unknown> {
    if (isCancelled) return () => this.#cancelled(job);
    // The job is not to blame for the end of the process.
    if (controller.signal.aborted) return () => this.leases.release(job);
    const isRefusal = error instanceof OxbowError;
    if (!isRefusal) this.#options.failed(error);
    const jobError = { code: isRefusal ? error.code : 'internal', detail: messageOf(error) };
    return () => this.leases.fail(job, jobError, { retry: false });
  }

  async #cancelled({ id, token }: Job): Promise<void> {
    const row = await this.#options.db
      .updateTable('job')
      .set({ state: 'cancelled', ended_us: this.#nowUs(), lease_until_us: 0 })
      .where('id', '=', id)
      .where('lease_token', '=', token)
      .where('state', '=', 'running')
      .returningAll()
      .executeTakeFirst();
    if (row) this.#options.ended?.(jobOf(row));
  }

  async #store(id: string, { progress, parts, token }: Running): Promise<void> {
    await this.#options.db
      .updateTable('job')
      .set({ progress, parts: JSON.stringify(parts) })
      .where('id', '=', id)
      .where('lease_token', '=', token)
      .where('state', '=', 'running')
      .execute();
  }

  /** The job with the progress of this process, which is newer than the stored one. */
  #withProgress(job: Job): Job {
    const running = job.state === 'running' ? this.#running.get(job.id) : undefined;
    if (!running) return job;
    return { ...job, progress: Math.max(job.progress, running.progress), parts: running.parts };
  }
}

/**
 * The workers of a server: who they are, which jobs they hold, and which one gets the next job.
 * In: requests of workers, the queue. Out: WorkersApi. Push workers and waiting claims are served by one
 * rule: the fastest free hardware encoder first, then most free slots.
 */
import type {
  HeartbeatAnswer,
  JobOffer,
  NewWorker,
  WorkerHeartbeat,
  WorkerRegistration,
  WorkerView,
} from '../api/workers/worker-shapes.ts';
import type { WorkerLines, WorkersApi } from '../api/workers/workers-api.ts';
import { sleep } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { OxbowError } from '../lib/errors.ts';
import { ConnectedWorker } from './connected-worker.ts';
import type { Job, JobQueue } from './job.ts';
import type { RemoteKind } from './remote-kind.ts';
import type { JobConsumption, JobTransport } from './transport/job-transport.ts';
import { newWorkerId, type WorkerRow, type WorkerTable } from './worker-table.ts';

/** Interval of heartbeats, as a share of the lease. */
const HEARTBEAT_SHARE = 0.3;
/** A worker without a heartbeat for this share of the lease gets no jobs. */
const SILENT_SHARE = 0.7;
/** A worker that is silent for this long is forgotten, ms. */
const FORGET_AFTER_MS = 60_000;
/** Interval of the search for expired leases, ms. */
const LOOK_EVERY_MS = 1000;
const MAX_WORKERS = 1000;

interface WorkersOptions {
  readonly queue: JobQueue;
  readonly transport: Pick<JobTransport, 'consume'>;
  /** Time to live of a lease, ms. */
  readonly leaseMs: number;
  readonly table: WorkerTable;
  /** Name of this node; empty without a cluster. */
  readonly node?: string | undefined;
  readonly clock: Clock;
  /** The kind of a name. */
  readonly kindOf: (name: string) => RemoteKind | undefined;
  /** A worker has reported progress of its job. */
  readonly progressed: (job: Job) => void;
  readonly failed: (error: unknown) => void;
  /** The span of a job; none by default. */
  readonly spanOf?: ((job: Job) => { readonly traceparent: string } | undefined) | undefined;
}

export class Workers implements WorkersApi {
  readonly #options: WorkersOptions;
  readonly #workers = new Map<string, ConnectedWorker>();
  readonly #consumption: JobConsumption;
  #isClosed = false;

  private constructor(options: WorkersOptions) {
    this.#options = options;
    this.#consumption = options.transport.consume({ free: () => this.#free(), take: (kinds) => this.#take(kinds) });
  }

  /**
   * Reads the registered workers and the jobs that they hold. Those of the last process of the server itself
   * are gone.
   */
  static async open(options: WorkersOptions): Promise<Workers> {
    const workers = new Workers(options);
    for (const row of await options.table.all()) {
      if (row.own) await options.table.remove(row.id);
      else workers.#add(row);
    }
    for (const job of await options.queue.list(Number.MAX_SAFE_INTEGER, undefined, { state: 'running' })) {
      if (job.worker !== null) workers.#workers.get(job.worker)?.jobs.set(job.id, job);
    }
    return workers;
  }

  async register(worker: NewWorker, isOwn: boolean): Promise<WorkerRegistration> {
    if (this.#isClosed) throw new OxbowError('not-ready', 'oxbow is stopping.', { extra: { retryAfterSeconds: 1 } });
    if (this.#workers.size >= MAX_WORKERS) {
      throw new OxbowError('limit-reached', `There are ${MAX_WORKERS} workers already.`);
    }
    const { table, clock } = this.#options;
    const id = newWorkerId(this.#options.node ?? '');
    const row: WorkerRow = { facts: {}, ...worker, id, own: isOwn, createdMs: clock.nowMs() };
    await table.add(row);
    this.#add(row);
    const { leaseMs } = this.#options;
    return { id, leaseMs, heartbeatMs: Math.round(leaseMs * HEARTBEAT_SHARE), encoders: true };
  }

  list(): readonly WorkerView[] {
    return [...this.#workers.values()].map((worker) => worker.view());
  }

  async drain(id: string, leaves: boolean): Promise<WorkerView> {
    const worker = this.#known(id);
    worker.isDraining = true;
    worker.lines?.send({ type: 'drain' });
    for (const answer of worker.claims.splice(0)) answer(undefined);
    const view = worker.view();
    // A silent one is not notified that it must end.
    if (leaves || view.state === 'silent') await this.#forget(worker);
    // Those that were on their way to it.
    if (leaves)
      for (const { id, token } of [...worker.jobs.values()]) await this.#options.queue.leases.release({ id, token });
    return view;
  }

  async claim(
    id: string,
    { waitMs, signal }: { readonly waitMs: number; readonly signal: AbortSignal },
  ): Promise<JobOffer | undefined> {
    const worker = this.#seen(id);
    if (worker.row.mode !== 'pull') throw new OxbowError('bad-request', 'A push worker does not claim jobs.');
    if (worker.isDraining || this.#isClosed) return undefined;
    const { promise, resolve } = Promise.withResolvers<JobOffer | undefined>();
    worker.claims.push(resolve);
    this.offer();
    const timer = setTimeout(() => resolve(undefined), waitMs);
    const leave = () => resolve(undefined);
    signal.addEventListener('abort', leave, { once: true });
    const offer = await promise;
    clearTimeout(timer);
    signal.removeEventListener('abort', leave);
    const at = worker.claims.indexOf(resolve);
    if (at >= 0) worker.claims.splice(at, 1);
    // The worker has not received it: this is not a failed try.
    if (offer && signal.aborted) await this.#options.queue.leases.release(offer);
    return offer;
  }

  connect(id: string, lines: WorkerLines): () => void {
    const worker = this.#seen(id);
    if (worker.row.mode !== 'push') throw new OxbowError('bad-request', 'A pull worker claims its jobs.');
    worker.lines?.end();
    worker.lines = lines;
    if (worker.isDraining) lines.send({ type: 'drain' });
    this.offer();
    return () => {
      if (worker.lines === lines) worker.lines = undefined;
    };
  }

  async heartbeat(id: string, { jobs, encoders }: WorkerHeartbeat): Promise<HeartbeatAnswer> {
    const { queue, progressed } = this.#options;
    const worker = this.#seen(id);
    if (encoders) worker.reports(encoders);
    const states = await queue.leases.renew(id, jobs);
    const [cancelled, lost]: { id: string; token: number }[][] = [[], []];
    for (const [i, { id: job, token, progress, parts }] of jobs.entries()) {
      if (states[i] !== 'held') (states[i] === 'cancelled' ? cancelled! : lost!).push({ id: job, token });
      const previous = worker.jobs.get(job);
      if (!previous || previous.token !== token || states[i] !== 'held') continue;
      const now = { ...previous, progress, parts };
      worker.jobs.set(job, now);
      if (progress !== previous.progress || JSON.stringify(parts) !== JSON.stringify(previous.parts)) progressed(now);
    }
    this.offer();
    return { cancelled: cancelled!, lost: lost!, drain: worker.isDraining };
  }

  /**
   * A job of a worker has ended or waits again: its slot is free, and the worker is notified. Called by the
   * queue.
   */
  left({ id, token, worker: holder, state }: Job): void {
    for (const worker of this.#workers.values()) {
      if (worker.row.id !== holder || worker.jobs.get(id)?.token !== token) continue;
      worker.jobs.delete(id);
      if (state === 'cancelled' || state === 'queued') worker.lines?.send({ type: 'stop', id, token });
    }
    this.offer();
  }

  /** The process of the server's worker has ended: its jobs need not wait for their leases. */
  async ownEnded(reason: string): Promise<void> {
    const detail = `The worker of the server ended during this job: ${reason.slice(0, 200)}`;
    for (const worker of [...this.#workers.values()].filter(({ row }) => row.own)) {
      await this.#forget(worker);
      for (const { id, token } of worker.jobs.values()) {
        await this.#options.queue.leases.fail({ id, token }, { code: 'worker-lost', detail }, { retry: true });
      }
    }
  }

  /** Gives queued jobs to workers with free slots. Called when either may have changed. */
  offer(): void {
    this.#consumption.changed();
  }

  /** Takes back expired leases and forgets silent workers until aborted. */
  async watch({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { queue, failed } = this.#options;
    while (!signal.aborted) {
      try {
        await queue.expireLeases();
        if (this.#options.node) await this.#look();
        for (const worker of this.#workers.values()) {
          if (worker.silentMs > FORGET_AFTER_MS) await this.#forget(worker);
        }
      } catch (error) {
        failed(error);
      }
      this.offer();
      await sleep(LOOK_EVERY_MS, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
    }
  }

  /** Gives out no further jobs and ends the requests of workers that wait. Their leases stay. */
  async leave(): Promise<void> {
    this.#isClosed = true;
    await this.#consumption[Symbol.asyncDispose]();
    for (const worker of this.#workers.values()) worker.disconnect();
  }

  /** Slots of reachable workers by the kinds that they take. */
  #free(): ReadonlyMap<string, number> {
    const free = new Map<string, number>();
    if (this.#isClosed) return free;
    for (const worker of this.#workers.values()) {
      if (worker.free <= 0) continue;
      for (const kind of worker.row.kinds) {
        if (this.#options.kindOf(kind)) free.set(kind, (free.get(kind) ?? 0) + worker.free);
      }
    }
    return free;
  }

  /**
   * Gives the next job of these kinds to the worker with the fastest free encoder of those that have a slot
   * for it; without encoders to the one with the most free slots.
   */
  async #take(kinds: readonly string[]): Promise<boolean> {
    const { queue } = this.#options;
    const without = new Set<string>();
    for (;;) {
      const [next] = [...this.#workers.values()]
        .map((worker) => ({ worker, kinds: worker.row.kinds.filter((kind) => kinds.includes(kind)) }))
        .filter(({ worker, kinds }) => worker.free > 0 && kinds.length > 0 && !without.has(kinds.join()))
        .sort((a, b) => b.worker.speed - a.worker.speed || b.worker.free - a.worker.free);
      if (!next || this.#isClosed) return false;
      const job = await queue.leases.claim(next.worker.row.id, next.kinds);
      if (!job) {
        without.add(next.kinds.join());
        continue;
      }
      // It may have disconnected during the claim.
      if (next.worker.free > 0) {
        next.worker.deliver(job, this.#options.spanOf?.(job)?.traceparent);
        return true;
      }
      await queue.leases.release(job);
    }
  }

  /** Other nodes may have ended or cancelled jobs of these workers: their slots are free. */
  async #look(): Promise<void> {
    const held = [...this.#workers.values()].flatMap((worker) =>
      Array.from(worker.jobs.values(), ({ id, token }) => ({ worker, id, token })),
    );
    const lost = await this.#options.queue.leases.lost(held);
    for (const { worker, id, token } of held) {
      if (!lost.some((lease) => lease.id === id && lease.token === token) || worker.jobs.get(id)?.token !== token)
        continue;
      worker.jobs.delete(id);
      worker.lines?.send({ type: 'stop', id, token });
    }
  }

  /** Whether a worker of this process holds a job. */
  get areBusy(): boolean {
    return [...this.#workers.values()].some(({ jobs }) => jobs.size > 0);
  }

  #add(row: WorkerRow): void {
    const { clock, leaseMs } = this.#options;
    this.#workers.set(row.id, new ConnectedWorker(row, clock, leaseMs * SILENT_SHARE));
  }

  async #forget(worker: ConnectedWorker): Promise<void> {
    this.#workers.delete(worker.row.id);
    worker.disconnect();
    await this.#options.table.remove(worker.row.id);
  }

  #known(id: string): ConnectedWorker {
    const worker = this.#workers.get(id);
    if (!worker) throw new OxbowError('worker-unknown', `There is no worker ${id.slice(0, 80)}.`);
    return worker;
  }

  #seen(id: string): ConnectedWorker {
    const worker = this.#known(id);
    worker.seen();
    return worker;
  }
}

/**
 * Leases of jobs: each start of a job gets a token that rises, and only its holder may change the job.
 * In: rows of the table of jobs, workers. Out: state changes, each in one statement or transaction that
 * checks the token.
 */
import type { Kysely, Selectable, Updateable } from 'kysely';
import type { Clock } from '../lib/clock.ts';
import { OxbowError } from '../lib/errors.ts';
import { engineOf } from '../store/engine.ts';
import { notElsewhere } from '../store/placed-rows.ts';
import type { JobTable, Tables } from '../store/schema.ts';
import type { Job, JobError, JobFailure, JobLeases, Lease, LeaseReport, LeaseState, LeaseWrite } from './job.ts';
import { jobOf } from './job-rows.ts';

/** Pause before the second try, ms; each further one is twice as long. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 5 * 60_000;
/** Failures that are kept of one job: it can be retried by a person again and again. */
const MAX_FAILURES = 50;

export interface TableLeasesOptions {
  readonly db: Kysely<Tables>;
  readonly clock: Clock;
  /** Time to live of a lease of a worker, ms. */
  readonly leaseMs: number;
  /** Name of this node; empty without a cluster. */
  readonly node?: string | undefined;
  /**
   * The type of the subject of a kind, if its jobs need the files of the subject's owner: `stream`, `asset`.
   * Only for kinds of processes.
   */
  readonly placeOf?: ((kind: string) => 'stream' | 'asset' | undefined) | undefined;
  /** Longest that one try of a kind may take, ms; undefined: no limit. */
  readonly maxRunMs?: ((kind: string) => number | undefined) | undefined;
  /** Called when a job starts. */
  readonly started?: ((job: Job) => void) | undefined;
  /** Called when a job ends. */
  readonly ended?: ((job: Job) => void) | undefined;
  /** Called when a job waits again after a try; `takenBack`: its worker did not give it back. */
  readonly requeued?: ((job: Job, takenBack: boolean) => void) | undefined;
}

export class TableLeases implements JobLeases {
  readonly #options: TableLeasesOptions;

  constructor(options: TableLeasesOptions) {
    this.#options = options;
  }

  /**
   * Starts the next job of these kinds that may start now.
   *
   * @param worker null: this process, whose jobs have no expiry without a cluster
   */
  async claim(worker: string | null, kinds: readonly string[]): Promise<Job | undefined> {
    if (kinds.length === 0) return undefined;
    const { db, leaseMs, node, placeOf } = this.#options;
    const nowUs = this.#nowUs();
    const holder = worker ?? this.own;
    // Of two nodes that look at the same time, the second skips jobs that the first takes.
    const isServer = engineOf(db) === 'postgresql';
    const placed = worker === null && node ? kinds.filter((kind) => placeOf?.(kind) !== undefined) : [];
    const row = await db
      .updateTable('job')
      .set((eb) => ({
        state: 'running',
        started_us: nowUs,
        progress: 0,
        parts: '{}',
        tries: eb('tries', '+', 1),
        lease_token: eb('lease_token', '+', 1),
        lease_worker: holder,
        lease_until_us: holder === null ? 0 : nowUs + leaseMs * 1000,
      }))
      .where('id', '=', (eb) => {
        let next = eb
          .selectFrom('job as next')
          .select('next.id')
          .where('next.state', '=', 'queued')
          .where('next.kind', 'in', kinds)
          .where('next.not_before_us', '<=', nowUs)
          .orderBy('next.priority', 'desc')
          .orderBy('next.seq')
          .limit(1);
        for (const kind of placed) {
          const here = notElsewhere({ kind: placeOf!(kind)!, column: 'next.subject' }, node);
          next = next.where((of) => of.or([of('next.kind', '!=', kind), here]));
        }
        return isServer ? next.forUpdate('next').skipLocked() : next;
      })
      .where('state', '=', 'queued')
      .returningAll()
      .executeTakeFirst();
    const job = row && jobOf(row);
    if (job) this.#options.started?.(job);
    return job;
  }

  /** How this process is named as the holder of a lease; null without a cluster. */
  get own(): string | null {
    const { node } = this.#options;
    return node ? `node/${node}` : null;
  }

  async lost(leases: readonly Lease[]): Promise<readonly Lease[]> {
    if (leases.length === 0) return [];
    const rows = await this.#options.db
      .selectFrom('job')
      .select(['id', 'lease_token'])
      .where('state', '=', 'running')
      .where(
        'id',
        'in',
        leases.map(({ id }) => id),
      )
      .execute();
    const held = new Map(rows.map(({ id, lease_token }) => [id, lease_token]));
    return leases.filter(({ id, token }) => held.get(id) !== token);
  }

  renew(worker: string, reports: readonly LeaseReport[]): Promise<LeaseState[]> {
    const { db, leaseMs } = this.#options;
    const until = this.#nowUs() + leaseMs * 1000;
    return Promise.all(
      reports.map(async ({ id, token, progress, parts }): Promise<LeaseState> => {
        const { numUpdatedRows } = await db
          .updateTable('job')
          .set({ lease_until_us: until, progress: Math.min(1, Math.max(0, progress)), parts: JSON.stringify(parts) })
          .where('id', '=', id)
          .where('lease_token', '=', token)
          .where('lease_worker', '=', worker)
          .where('state', '=', 'running')
          .executeTakeFirst();
        if (numUpdatedRows > 0n) return 'held';
        const row = await this.#row(db, id);
        return row?.state === 'cancelled' && row.lease_token === token ? 'cancelled' : 'lost';
      }),
    );
  }

  async leased(lease: Lease): Promise<Job> {
    return jobOf(heldRow(lease, await this.#row(this.#options.db, lease.id)));
  }

  async whileLeased(lease: Lease, write: LeaseWrite): Promise<void> {
    await this.#options.db.transaction().execute(async (transaction) => {
      // An update, so that no other process takes the job back before the end of the transaction.
      const row = await this.#change(transaction, lease, { lease_token: lease.token });
      await write(transaction, jobOf(row ?? heldRow(lease, await this.#row(transaction, lease.id))));
    });
  }

  async complete(lease: Lease, result: unknown, write?: LeaseWrite): Promise<Job> {
    const { db, ended } = this.#options;
    const stored = await db.transaction().execute(async (transaction) => {
      const change = { state: 'done', progress: 1, result: JSON.stringify(result ?? null), ended_us: this.#nowUs() };
      const row = await this.#change(transaction, lease, { ...change, lease_until_us: 0 });
      if (row) {
        const job = jobOf(row);
        await write?.(transaction, job);
        return { job, isNew: true };
      }
      const now = await this.#row(transaction, lease.id);
      if (now?.state !== 'done' || now.lease_token !== lease.token) throw lostLease(lease, now);
      return { job: jobOf(now), isNew: false };
    });
    if (stored.isNew) ended?.(stored.job);
    return stored.job;
  }

  async fail(lease: Lease, error: JobError, { retry }: { readonly retry: boolean }): Promise<Job> {
    const row = await this.#row(this.#options.db, lease.id);
    if (row && row.lease_token === lease.token && (row.state === 'queued' || row.state === 'failed')) return jobOf(row);
    const held = heldRow(lease, row);
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(held.tries - 1, 20));
    return this.#end(held, error, retry ? pauseMs : undefined, false);
  }

  async release(lease: Lease, { pauseMs = 0 }: { readonly pauseMs?: number } = {}): Promise<void> {
    const notBefore = pauseMs > 0 ? { not_before_us: this.#nowUs() + Math.round(pauseMs * 1000) } : {};
    const back = { state: 'queued', progress: 0, parts: '{}', lease_until_us: 0, ...notBefore };
    const row = await this.#options.db
      .updateTable('job')
      .set((eb) => ({ ...back, tries: eb('tries', '-', 1) }))
      .where('id', '=', lease.id)
      .where('lease_token', '=', lease.token)
      .where('state', '=', 'running')
      .returningAll()
      .executeTakeFirst();
    if (row) this.#options.requeued?.(jobOf(row), false);
  }

  /** Takes back jobs whose lease has expired, or which have run for too long. */
  async expire(): Promise<void> {
    const { db, maxRunMs } = this.#options;
    const nowUs = this.#nowUs();
    const rows = await db
      .selectFrom('job')
      .selectAll()
      .where('state', '=', 'running')
      .where('lease_worker', 'is not', null)
      .execute();
    for (const row of rows) {
      const error = expiryOf(row, nowUs, maxRunMs?.(row.kind));
      await (error && this.#end(row, error, 0, true).catch(ignoreLost));
    }
  }

  /**
   * Ends a try with an error: the job waits again, or has failed.
   *
   * @param pauseMs before the next try; undefined: there is none
   */
  async #end(
    row: Selectable<JobTable>,
    error: JobError,
    pauseMs: number | undefined,
    takenBack: boolean,
  ): Promise<Job> {
    const nowUs = this.#nowUs();
    const failures = failuresWith(row, error, nowUs);
    const isOver = pauseMs === undefined || row.tries >= row.max_tries;
    const change: Updateable<JobTable> = isOver
      ? { state: 'failed', error: JSON.stringify(error), ended_us: nowUs }
      : { state: 'queued', progress: 0, parts: '{}', not_before_us: nowUs + Math.round(pauseMs * 1000) };
    const lease = { id: row.id, token: row.lease_token };
    const until = takenBack ? row.lease_until_us : undefined; // its holder may have renewed it, at another node
    const changed = await this.#change(this.#options.db, lease, { ...change, failures, lease_until_us: 0 }, until);
    if (!changed) throw lostLease(lease, await this.#row(this.#options.db, row.id));
    const job = jobOf(changed);
    if (isOver) this.#options.ended?.(job);
    else this.#options.requeued?.(job, takenBack);
    return job;
  }

  /** Changes a job whose lease is held; undefined if it is not. */
  #change(
    db: Kysely<Tables>,
    { id, token }: Lease,
    change: Updateable<JobTable>,
    until?: number,
  ): Promise<Selectable<JobTable> | undefined> {
    const held = db
      .updateTable('job')
      .set(change)
      .where('id', '=', id)
      .where('lease_token', '=', token)
      .where('state', '=', 'running');
    return (until === undefined ? held : held.where('lease_until_us', '=', until)).returningAll().executeTakeFirst();
  }

  #row(db: Kysely<Tables>, id: string): Promise<Selectable<JobTable> | undefined> {
    return db.selectFrom('job').selectAll().where('id', '=', id).executeTakeFirst();
  }

  #nowUs(): number {
    return Math.round(this.#options.clock.nowMs() * 1000);
  }
}

/** The failures of a job after another one, JSON. */
export function failuresWith(
  row: Pick<Selectable<JobTable>, 'failures' | 'tries' | 'lease_worker'>,
  error: JobError,
  nowUs: number,
): string {
  const failure: JobFailure = { ...error, try: row.tries, worker: row.lease_worker, atMs: nowUs / 1000 };
  return JSON.stringify([...(JSON.parse(row.failures) as JobFailure[]), failure].slice(-MAX_FAILURES));
}

/** Why the current try of a job is over; undefined: it is not. */
function expiryOf(row: Selectable<JobTable>, nowUs: number, maxRunMs: number | undefined): JobError | undefined {
  if (row.lease_until_us <= nowUs) {
    return { code: 'worker-lost', detail: 'The worker stopped answering during this job.' };
  }
  if (maxRunMs === undefined || nowUs - row.started_us! <= maxRunMs * 1000) return undefined;
  return { code: 'job-timeout', detail: `The job took longer than ${Math.round(maxRunMs / 1000)} s.` };
}

/** The worker ended the job between the query and the change. */
function ignoreLost(error: unknown): void {
  if (!(error instanceof OxbowError) || (error.code !== 'lease-lost' && error.code !== 'job-unknown')) throw error;
}

function heldRow({ id, token }: Lease, row: Selectable<JobTable> | undefined): Selectable<JobTable> {
  if (row?.state === 'running' && row.lease_token === token) return row;
  throw lostLease({ id, token }, row);
}

function lostLease({ id, token }: Lease, row: Selectable<JobTable> | undefined): OxbowError {
  if (!row) return new OxbowError('job-unknown', `There is no job ${id.slice(0, 80)}.`);
  const detail =
    row.lease_token === token
      ? `The job is ${row.state}.`
      : `The job was started again: its token is ${row.lease_token}, not ${token}.`;
  return new OxbowError('lease-lost', detail);
}

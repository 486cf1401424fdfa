/**
 * The list of sealed batches in the database, and the one transaction in which rows leave the database.
 * In: batches whose rows are stored elsewhere. Out: rows of `viewing_sealed`. docs/decisions/0111.
 */
import type { Kysely } from 'kysely';
import { engineOf } from '../../../store/engine.ts';
import type { Tables } from '../../../store/schema.ts';
import type { SealedBatch } from './sealed-batch.ts';
import type { StoredBatch } from './sealed-place.ts';
import type { SealedRow } from './sealed-row.ts';

/** Rows that one statement reads. */
const PAGE_ROWS = 2000;
/** PostgreSQL: a row was changed by another transaction meanwhile. */
const SERIALIZATION_FAILURE = '40001';
const summed = [
  'watch_ms',
  'live_ms',
  'bit_ms',
  'kbits',
  'stalls',
  'stall_ms',
  'errors',
  'begins',
  'failed',
  'startup_ms',
  'position_s',
] as const;

/** Minutes [from, to) of the database, as they were read. */
export interface ReadMinutes {
  readonly from: number;
  readonly to: number;
  /** Without those of content that was erased. */
  readonly rows: readonly SealedRow[];
  /** Of all rows: their number and the sums of their figures. */
  readonly sums: readonly number[];
}

class Changed extends Error {}

/** The list, and the rows that are to be sealed. */
export class SealedTable {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** Batches in a state with rows of minutes [from, to); without a range all. */
  async list(state: 'writing' | 'sealed' | 'removing', range?: readonly [from: number, to: number]) {
    let query = this.#db.selectFrom('viewing_sealed').selectAll().where('state', '=', state);
    if (range) query = query.where('last_minute', '>=', range[0]).where('first_minute', '<', range[1]);
    return await query.orderBy('first_minute').orderBy('id').execute();
  }

  /** Ids of all batches, in any state. */
  async ids(): Promise<ReadonlySet<string>> {
    const rows = await this.#db.selectFrom('viewing_sealed').select('id').execute();
    return new Set(rows.map(({ id }) => id));
  }

  /** The first minutes of the database, of one hour, about `mostRows` rows; undefined: none are older. */
  async readOldest(before: number, mostRows: number): Promise<ReadMinutes | undefined> {
    const first = await this.#db
      .selectFrom('viewing_minute')
      .select('minute')
      .where('minute', '<', before)
      .orderBy('minute')
      .limit(1)
      .executeTakeFirst();
    if (!first) return undefined;
    const from = first.minute;
    const end = Math.min(before, (Math.floor(from / 60) + 1) * 60);
    const counts = await this.#db
      .selectFrom('viewing_minute')
      .select((eb) => ['minute', eb.fn.countAll().as('rows')])
      .where('minute', '>=', from)
      .where('minute', '<', end)
      .groupBy('minute')
      .orderBy('minute')
      .execute();
    let [to, total] = [from + 1, 0];
    for (const { minute, rows } of counts) {
      total += Number(rows);
      if (minute > from && total > mostRows) break;
      to = minute + 1;
    }
    return await this.#read(from, to);
  }

  async #read(from: number, to: number): Promise<ReadMinutes> {
    const rows: SealedRow[] = [];
    const sums = [0, ...summed.map(() => 0)];
    const contents = new Map<number, { readonly kind: string; readonly content: string } | undefined>();
    let after: readonly [number, number, string, string] = [from, -1, '', ''];
    for (;;) {
      const page = await this.#db
        .selectFrom('viewing_minute')
        .selectAll()
        .where((eb) =>
          eb(
            eb.refTuple('minute', 'content', 'session', 'node'),
            '>',
            eb.tuple(after[0], after[1], after[2], after[3]),
          ),
        )
        .where('minute', '<', to)
        .orderBy('minute')
        .orderBy('content')
        .orderBy('session')
        .orderBy('node')
        .limit(PAGE_ROWS)
        .execute();
      await this.#findContents(
        page.map(({ content }) => content),
        contents,
      );
      for (const row of page) {
        sums[0]!++;
        summed.forEach((name, at) => {
          sums[at + 1]! += row[name] ?? 0;
        });
        after = [row.minute, row.content, row.session, row.node];
        const known = contents.get(row.content);
        if (known) rows.push(Object.assign(row, known));
      }
      if (page.length < PAGE_ROWS) return { from, to, rows, sums };
    }
  }

  async #findContents(
    keys: readonly number[],
    known: Map<number, { readonly kind: string; readonly content: string } | undefined>,
  ): Promise<void> {
    const missing = [...new Set(keys)].filter((key) => !known.has(key));
    if (missing.length === 0) return;
    const rows = await this.#db.selectFrom('viewing_content').selectAll().where('seq', 'in', missing).execute();
    for (const key of missing) known.set(key, undefined);
    for (const { seq, kind, content_id } of rows) known.set(seq, { kind, content: content_id });
  }

  /** Lists a batch that is about to be written: what a crash leaves of it is deleted. */
  async begin(batch: Omit<SealedBatch, 'state' | 'bytes'>): Promise<void> {
    await this.#db
      .insertInto('viewing_sealed')
      .values({ ...batch, state: 'writing', bytes: 0 })
      .execute();
  }

  /**
   * Takes the rows of a batch out of the database and lists it as sealed, both or neither.
   *
   * @param id undefined: all of its rows are of erased content
   * @returns false if rows have changed since they were read: nothing is changed then
   */
  async seal({ from, to, sums }: ReadMinutes, id: string | undefined, bytes: number): Promise<boolean> {
    return await this.#unlessChanged(async (db) => {
      const found = await db
        .selectFrom('viewing_minute')
        .select((eb) => [eb.fn.countAll().as('rows'), ...summed.map((name) => eb.fn.sum(name).as(name))])
        .where('minute', '>=', from)
        .where('minute', '<', to)
        .executeTakeFirstOrThrow();
      const cells = found as Readonly<Record<string, string | number | bigint | null>>;
      if (['rows', ...summed].some((name, at) => Number(cells[name] ?? 0) !== sums[at])) throw new Changed();
      await db.deleteFrom('viewing_minute').where('minute', '>=', from).where('minute', '<', to).execute();
      if (id === undefined) return;
      const { numUpdatedRows } = await db
        .updateTable('viewing_sealed')
        .set({ state: 'sealed', bytes })
        .where('id', '=', id)
        .where('state', '=', 'writing')
        .executeTakeFirst();
      if (numUpdatedRows !== 1n) throw new Changed();
    });
  }

  /**
   * Puts a batch in the place of another one, or only takes that one out.
   *
   * @returns false if either was given up meanwhile: nothing is changed then
   */
  async replace(id: string, by: string | undefined, { rows, bytes }: StoredBatch): Promise<boolean> {
    return await this.#unlessChanged(async (db) => {
      const move = async (batch: string, state: 'writing' | 'sealed', to: Partial<SealedBatch>) => {
        const moved = db.updateTable('viewing_sealed').set(to).where('id', '=', batch).where('state', '=', state);
        const { numUpdatedRows } = await moved.executeTakeFirst();
        if (numUpdatedRows !== 1n) throw new Changed();
      };
      await move(id, 'sealed', { state: 'removing' });
      if (by !== undefined) await move(by, 'writing', { state: 'sealed', rows, bytes });
    });
  }

  /** From now on these are not read. */
  async retire(state: 'writing' | 'sealed', before?: number): Promise<void> {
    let query = this.#db.updateTable('viewing_sealed').set({ state: 'removing' }).where('state', '=', state);
    if (before !== undefined) query = query.where('last_minute', '<', before);
    await query.execute();
  }

  /** Forgets a batch that is not there any more. */
  async forget(id: string): Promise<void> {
    await this.#db.deleteFrom('viewing_sealed').where('id', '=', id).execute();
  }

  /**
   * Lists a batch that an older copy of the database does not know, in place of the rows of its minutes.
   *
   * @param replaced the batch that it has replaced, if that one is listed: its rows have left the database
   */
  async adopt(batch: SealedBatch, replaced: string | undefined): Promise<void> {
    await this.#transaction(async (db) => {
      const { first_minute, last_minute } = batch;
      if (replaced === undefined) {
        await db
          .deleteFrom('viewing_minute')
          .where('minute', '>=', first_minute)
          .where('minute', '<=', last_minute)
          .execute();
      } else {
        await db.updateTable('viewing_sealed').set({ state: 'removing' }).where('id', '=', replaced).execute();
      }
      await db.insertInto('viewing_sealed').values(batch).execute();
    });
  }

  /** What was deleted for good, and may be in sealed batches. */
  erased() {
    return this.#db.selectFrom('viewing_erased').selectAll().execute();
  }

  /** Its rows are gone. */
  async forgetErased({ kind, content_id }: { readonly kind: string; readonly content_id: string }): Promise<void> {
    await this.#db.deleteFrom('viewing_erased').where('kind', '=', kind).where('content_id', '=', content_id).execute();
  }

  /** Number, rows and bytes of the batches that are read. */
  async totals(): Promise<{ readonly batches: number; readonly rows: number; readonly bytes: number }> {
    const sums = await this.#db
      .selectFrom('viewing_sealed')
      .select((eb) => [eb.fn.countAll().as('batches'), eb.fn.sum('rows').as('rows'), eb.fn.sum('bytes').as('bytes')])
      .where('state', '=', 'sealed')
      .executeTakeFirstOrThrow();
    return { batches: Number(sums.batches), rows: Number(sums.rows ?? 0), bytes: Number(sums.bytes ?? 0) };
  }

  /** @returns false if `run` throws Changed, or another transaction was first: nothing is changed then */
  async #unlessChanged(run: (db: Kysely<Tables>) => Promise<void>): Promise<boolean> {
    try {
      await this.#transaction(run);
      return true;
    } catch (error) {
      if (error instanceof Changed || (error as { readonly code?: unknown }).code === SERIALIZATION_FAILURE)
        return false;
      throw error;
    }
  }

  /** PostgreSQL: of one moment, so that rows which come meanwhile are neither counted nor deleted. */
  #transaction<T>(run: (db: Kysely<Tables>) => Promise<T>): Promise<T> {
    const transaction = this.#db.transaction();
    if (engineOf(this.#db) === 'postgresql') return transaction.setIsolationLevel('repeatable read').execute(run);
    return transaction.execute(run);
  }
}

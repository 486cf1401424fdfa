/**
 * Which database has the rows of each stream, as the catalogue says and this process remembers for a moment.
 * In: the table `stream_shard`. Out: shards by stream; tokens with which a stream is written.
 * docs/decisions/0102.
 */
import type { Kysely, Selectable } from 'kysely';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import { readEpoch, TOKENS_OF_EPOCH } from '../epoch/epoch-row.ts';
import { type Fence, holdLease, indexTaken } from '../lease-table.ts';
import { locationsOfStream } from '../objects/object-places.ts';
import type { Tables } from '../schema.ts';
import type { StreamShardTable } from '../tables/shard-tables.ts';
import { fileTables, streamTables } from './stream-rows.ts';

/** Rows of this time before the last reading are read again: clocks and transactions differ, µs. */
const AGAIN_US = 10_000_000;
/** All rows are read this often, ms: the row of a deleted stream does not change. */
const ALL_EVERY_MS = 10 * 60_000;

export type ShardRow = Selectable<StreamShardTable>;

/** A stream with a new token; `held`: it is being moved, try again. */
export type Claimed = { readonly shard: string; readonly token: number } | 'held';

/** Chooses the database of a new stream. */
export type ChooseShard = (db: Kysely<Tables>) => Promise<string>;

/** Reads and changes the table. */
export class ShardMap {
  readonly #db: Kysely<Tables>;
  readonly #clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  readonly #rows = new Map<string, ShardRow>();
  #sinceUs = 0;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #allAtMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(db: Kysely<Tables>, clock: Pick<Clock, 'nowMs' | 'monotonicMs'>) {
    this.#db = db;
    this.#clock = clock;
  }

  /** When the newest reading began, by the monotonic clock, ms. */
  get readAtMs(): number {
    return this.#readAtMs;
  }

  /** The row of a stream, as last read; undefined: it has none, and its rows are in the catalogue. */
  find(streamId: string): ShardRow | undefined {
    return this.#rows.get(streamId);
  }

  /** Reads what has changed. Calls at the same time share a reading. */
  refresh(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<void> {
    const atMs = this.#clock.monotonicMs();
    const nowUs = Math.round(this.#clock.nowMs() * 1000);
    const isAll = atMs - this.#allAtMs >= ALL_EVERY_MS;
    const sinceUs = isAll ? 0 : this.#sinceUs - AGAIN_US;
    const rows = await this.#db.selectFrom('stream_shard').selectAll().where('changed_us', '>=', sinceUs).execute();
    if (isAll) {
      this.#rows.clear();
      this.#allAtMs = atMs;
    }
    for (const row of rows) this.#take(row);
    this.#sinceUs = nowUs;
    this.#readAtMs = atMs;
  }

  /** Rows of readings may arrive after those of later claims. */
  #take(row: ShardRow): void {
    const before = this.#rows.get(row.stream_id);
    if (!before || row.token >= before.token) this.#rows.set(row.stream_id, row);
  }

  /**
   * Takes a new token for a stream, while this process holds its lease. A stream that is new gets its
   * database.
   *
   * @param fence of the data folder; undefined: it is not checked
   * @throws OxbowError `data-in-use`
   */
  async claim(streamId: string, fence: Fence | undefined, choose: ChooseShard): Promise<Claimed> {
    const row = await this.#db.transaction().execute(async (db): Promise<ShardRow | 'held'> => {
      if (fence && !(await holdLease(db, fence))) throw indexTaken();
      const before = await lockRow(db, streamId);
      const nowUs = this.#nowUs();
      if (before && before.held_until_us > nowUs) return 'held';
      const change = {
        token: (before?.token ?? 0) + 1,
        held_until_us: 0,
        changed_us: nowUs,
      };
      if (!before) {
        const shard = (await isNew(db, streamId)) ? await choose(db) : '';
        const row = { stream_id: streamId, shard, moving_to: null, copies_in: null, ...change };
        const added = await db
          .insertInto('stream_shard')
          .values(row)
          .onConflict((conflict) => conflict.column('stream_id').doNothing())
          .executeTakeFirst();
        return (added.numInsertedOrUpdatedRows ?? 0n) > 0n ? row : 'held';
      }
      await db.updateTable('stream_shard').set(change).where('stream_id', '=', streamId).execute();
      return { ...before, ...change };
    });
    if (row === 'held') return 'held';
    this.#take(row);
    return { shard: row.shard, token: row.token };
  }

  /**
   * A database has seen a higher token than the catalogue, which was restored: the next one is above it.
   *
   * @throws OxbowError `database-superseded` if the token is of a catalogue that was promoted since
   */
  async raise(streamId: string, token: number): Promise<void> {
    const { number: epoch } = await readEpoch(this.#db);
    if (token >= (epoch + 1) * TOKENS_OF_EPOCH) {
      const text = `The rows of ${streamId} are written by a database that was promoted in place of this one.`;
      throw new OxbowError('database-superseded', text);
    }
    await this.#db
      .updateTable('stream_shard')
      .set({ token, changed_us: this.#nowUs() })
      .where('stream_id', '=', streamId)
      .where('token', '<', token)
      .execute();
  }

  /** Removes the row of a deleted stream. */
  async delete(streamId: string): Promise<void> {
    await this.#db.deleteFrom('stream_shard').where('stream_id', '=', streamId).execute();
    this.#rows.delete(streamId);
  }

  #nowUs(): number {
    return Math.round(this.#clock.nowMs() * 1000);
  }
}

/** The row of a stream, locked until the transaction ends. */
export function lockRow(transaction: Kysely<Tables>, streamId: string): Promise<ShardRow | undefined> {
  return transaction
    .selectFrom('stream_shard')
    .selectAll()
    .where('stream_id', '=', streamId)
    .forUpdate()
    .executeTakeFirst();
}

/** Whether the catalogue has no rows of a stream. */
async function isNew(db: Kysely<Tables>, streamId: string): Promise<boolean> {
  for (const table of Object.keys(streamTables) as (keyof typeof streamTables)[]) {
    const row = await db
      .selectFrom(table)
      .select('stream_id')
      .where((eb) =>
        eb.or([
          eb('stream_id', '=', streamId),
          eb.and([eb('stream_id', '>', `${streamId}/`), eb('stream_id', '<', `${streamId}0`)]),
        ]),
      )
      .limit(1)
      .executeTakeFirst();
    if (row) return false;
  }
  const { from, to } = locationsOfStream(streamId);
  for (const table of fileTables) {
    const row = await db
      .selectFrom(table)
      .select('location')
      .where('location', '>=', from)
      .where('location', '<', to)
      .limit(1)
      .executeTakeFirst();
    if (row) return false;
  }
  return true;
}

/** Shares of databases by name; the catalogue is `catalogue`. Default: 1. */
export type Weights = Readonly<Record<string, number>>;

/**
 * The database with the fewest streams for its weight, the catalogue (`''`) first. One with the weight 0 only
 * if all have it.
 */
export async function fewestOf(db: Kysely<Tables>, names: readonly string[], weights: Weights = {}): Promise<string> {
  const rows = await db
    .selectFrom('stream_shard')
    .select((eb) => ['shard', eb.fn.countAll<number>().as('streams')])
    .groupBy('shard')
    .execute();
  const counts = new Map(rows.map(({ shard, streams }) => [shard, streams]));
  // Streams that were never written since shards were set have no row.
  const { all } = await db
    .selectFrom('stream')
    .select((eb) => eb.fn.countAll<number>().as('all'))
    .executeTakeFirstOrThrow();
  const placed = rows.reduce((sum, { streams }) => sum + streams, 0);
  counts.set('', (counts.get('') ?? 0) + Math.max(0, all - placed - 1));
  const given = (name: string) => weights[name === '' ? 'catalogue' : name] ?? 1;
  const weighty = names.filter((name) => given(name) > 0);
  const weightOf = (name: string) => (weighty.length > 0 ? given(name) : 1);
  // With the stream that comes, so that of two empty databases the heavier one is first.
  const loadOf = (name: string) => ((counts.get(name) ?? 0) + 1) / weightOf(name);
  return (weighty.length > 0 ? weighty : names).reduce((least, name) => (loadOf(name) < loadOf(least) ? name : least));
}

/**
 * The databases of the index of objects: the rows of a recording are with those of its stream, all others in
 * the catalogue.
 * In: queries of a location, or of all. Out: their results; guarded changes. docs/decisions/0102.
 */
import type { Kysely } from 'kysely';
import type { Store } from '../../store/db.ts';
import type { ReadQuery } from '../../store/engine.ts';
import { type Fence, holdLease, indexTaken } from '../../store/lease-table.ts';
import { byStream, streamOfLocation } from '../../store/objects/object-places.ts';
import type { Tables } from '../../store/schema.ts';
import { type EachQuery, type StreamRows, soleRows } from '../../store/shards/stream-rows.ts';

export interface ObjectDatabase {
  readonly db: Kysely<Tables>;
  /** Of a shard; empty: the catalogue. */
  readonly name: string;
  /** Whether its row of a location counts: a move leaves copies for a moment. */
  readonly has: (location: string) => boolean;
}

type ObjectQuery<T> = (database: ObjectDatabase) => Promise<T>;

export class ObjectRows {
  readonly #db: Kysely<Tables>;
  readonly #rows: StreamRows;
  readonly #fence: () => Fence;

  /** @param fence of the data folder or node */
  constructor({ db, rows }: Pick<Store, 'db' | 'rows'>, fence: () => Fence) {
    this.#db = db;
    this.#rows = rows;
    this.#fence = fence;
  }

  /** All rows in one database. */
  static in(db: Kysely<Tables>, fence: () => Fence): ObjectRows {
    return new ObjectRows({ db, rows: soleRows(db) }, fence);
  }

  /** Of this process. */
  get fence(): Fence {
    return this.#fence();
  }

  get catalogue(): Kysely<Tables> {
    return this.#db;
  }

  /** Runs a query of a location. @param at a location, or a prefix within one recording */
  read<T>(at: string, query: ReadQuery<T>): Promise<T> {
    return this.#readOf(streamOfLocation(at), query);
  }

  #readOf<T>(streamId: string | undefined, query: ReadQuery<T>): Promise<T> {
    return streamId === undefined ? query(this.#db) : this.#rows.read(streamId, query);
  }

  /** Runs a query for the locations of each recording, and of none. @returns all rows */
  async readAll<Row>(
    locations: readonly string[],
    query: (db: Kysely<Tables>, locations: readonly string[]) => Promise<Row[]>,
  ): Promise<Row[]> {
    const rows: Row[] = [];
    for (const [streamId, group] of byStream(locations))
      rows.push(...(await this.#readOf(streamId, (db) => query(db, group))));
    return rows;
  }

  /**
   * Changes rows of a location in one transaction, which may run again.
   *
   * @param at as in `read`
   * @throws OxbowError `data-in-use` if another process has taken the data folder; `not-ready` if the
   *   database of the stream does not respond
   */
  change<T>(at: string, change: (db: Kysely<Tables>) => Promise<T>): Promise<T> {
    const streamId = streamOfLocation(at);
    const run = (db: Kysely<Tables>, fences: readonly Fence[]) =>
      db.transaction().execute(async (transaction) => {
        for (const fence of fences) if (!(await holdLease(transaction, fence))) throw indexTaken();
        return change(transaction);
      });
    const own = this.#fence();
    if (streamId === undefined) return run(this.#db, [own]);
    return this.#rows.write(streamId, ({ db, fence, isCatalogue }) => {
      // On a shard the token of the stream is enough: the catalogue gives it only to the holder of the lease.
      if (!isCatalogue) return run(db, fence ? [fence] : []);
      const isOwn = fence === undefined || (fence.name === own.name && fence.token === own.token);
      return run(db, isOwn ? [own] : [own, fence]);
    });
  }

  /** Runs a query over each database. @throws OxbowError `not-ready` if one does not respond */
  each<T>(query: ObjectQuery<T>): Promise<T[]> {
    return this.#rows.each(eachQuery(query));
  }

  /** As `each`, without the databases that do not respond. */
  async eachReached<T>(query: ObjectQuery<T>): Promise<readonly T[]> {
    return (await this.#rows.eachReached(eachQuery(query))).results;
  }

  /**
   * The first rows after a location, of all databases that respond, in order of locations.
   *
   * @param query rows of one database, in order, `limit` at most
   */
  async page<Row extends { readonly location: string }>(
    after: string,
    limit: number,
    query: (db: Kysely<Tables>, after: string) => Promise<Row[]>,
  ): Promise<Row[]> {
    const pages = await this.eachReached(async ({ db, has }) => {
      const own: Row[] = [];
      for (let from = after; own.length < limit; ) {
        const rows = await query(db, from);
        own.push(...rows.filter(({ location }) => has(location)));
        if (rows.length < limit) break;
        from = rows.at(-1)!.location;
      }
      return own;
    });
    return pages
      .flat()
      .sort((a, b) => Buffer.compare(Buffer.from(a.location), Buffer.from(b.location)))
      .slice(0, limit);
  }

  /** Runs a query in one database, if it responds. @param name of a shard; empty: the catalogue */
  async in(name: string, query: ReadQuery<unknown>): Promise<void> {
    if (name === '') await query(this.#db);
    else await this.eachReached(async (database) => database.name === name && query(database.db));
  }
}

function eachQuery<T>(query: ObjectQuery<T>): EachQuery<T> {
  return ({ name, db }, hasStream) => {
    const has = (location: string) => {
      const streamId = streamOfLocation(location);
      return streamId === undefined ? name === '' : hasStream(streamId);
    };
    return query({ db, name, has });
  };
}

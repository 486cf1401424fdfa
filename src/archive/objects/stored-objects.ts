/**
 * The index of objects in buckets. An object without a row in it does not exist: who uploads writes an intent
 * first, then bytes, then the row, and intent and row are written only while this process holds the data
 * folder. What a process leaves in a bucket is therefore always known: it has a row, an intent, or waits for
 * its deletion.
 * In: rows of the uploader, deletions of the store. Out: where an object is. The intents are in
 * object-uploads, the deletions in object-deletions.
 * docs/decisions/0050.
 */
import type { Kysely, Selectable } from 'kysely';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { type Fence, holdLease, indexTaken } from '../../store/lease-table.ts';
import type { StoredObjectTable } from '../../store/objects/object-tables.ts';
import type { Tables } from '../../store/schema.ts';
import type { SegmentLocation, SegmentPrefix } from '../segment-store.ts';
import type { ObjectDeletions } from './object-deletions.ts';

/** An object in a bucket. */
export type StoredObject = Selectable<StoredObjectTable>;
/** Rows in memory: a viewer of the past reads one file many times. */
const MAX_ROWS = 10_000;
/** Rows of one query. */
const PAGE = 500;
/** Reads and writes the rows of objects. */
export class StoredObjects {
  readonly #db: Kysely<Tables>;
  readonly #fence: () => Fence;
  readonly #nowUs: () => number;
  readonly #deletions: ObjectDeletions;
  /** Rows that were read lately. */
  readonly #rows = new Map<string, StoredObject>();

  /** @param nowUs µs since 1970 */
  constructor(db: Kysely<Tables>, fence: () => Fence, nowUs: () => number, deletions: ObjectDeletions) {
    this.#db = db;
    this.#fence = fence;
    this.#nowUs = nowUs;
    this.#deletions = deletions;
  }

  /** The row of a location. */
  async find(location: SegmentLocation): Promise<StoredObject | undefined> {
    const cached = this.#rows.get(location);
    if (cached) return cached;
    const row = await this.#db
      .selectFrom('stored_object')
      .selectAll()
      .where('location', '=', location)
      .executeTakeFirst();
    if (row) {
      this.#rows.set(location, row);
      dropOldest(this.#rows, MAX_ROWS);
    }
    return row;
  }

  /** Whether there is any row. */
  async isEmpty(): Promise<boolean> {
    for (const table of ['stored_object', 'object_upload', 'object_deletion'] as const) {
      if (await this.#db.selectFrom(table).select('target').limit(1).executeTakeFirst()) return false;
    }
    return true;
  }

  /** Which of some locations have a row, with their targets. */
  async targetsOf(locations: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const targets = new Map<string, string>();
    for (let i = 0; i < locations.length; i += PAGE) {
      const rows = await this.#db
        .selectFrom('stored_object')
        .select(['location', 'target'])
        .where('location', 'in', locations.slice(i, i + PAGE))
        .execute();
      for (const { location, target } of rows) targets.set(location, target);
    }
    return targets;
  }

  /** Locations that start with a prefix, in order. @param range at or after `from`, before `to` */
  async *list(
    prefix: SegmentPrefix,
    { from, to }: { readonly from?: string; readonly to?: string } = {},
  ): AsyncGenerator<SegmentLocation> {
    const end = endOf(prefix);
    for (let after: string | undefined; ; ) {
      let query = this.#db
        .selectFrom('stored_object')
        .select('location')
        .where('location', '>=', from !== undefined && from > prefix ? from : prefix)
        .where('location', '<', to !== undefined && to < end ? to : end)
        .orderBy('location')
        .limit(PAGE);
      if (after !== undefined) query = query.where('location', '>', after);
      const rows = await query.execute();
      for (const { location } of rows) yield location as SegmentLocation;
      after = rows.at(-1)?.location;
      if (rows.length < PAGE) return;
    }
  }

  /** Names of the folders directly below a prefix, in order. */
  async folders(prefix: SegmentPrefix): Promise<string[]> {
    const names: string[] = [];
    const end = endOf(prefix);
    for (let after: string = prefix; ; ) {
      const row = await this.#db
        .selectFrom('stored_object')
        .select('location')
        .where('location', '>', after)
        .where('location', '<', end)
        .orderBy('location')
        .limit(1)
        .executeTakeFirst();
      if (!row) return names;
      const slash = row.location.indexOf('/', prefix.length);
      if (slash >= 0) names.push(row.location.slice(prefix.length, slash));
      // The character after `/` is "0": behind it is what follows the folder.
      after = slash >= 0 ? `${row.location.slice(0, slash)}0` : row.location;
    }
  }

  /** Objects whose file is still in the data folder, in order, `PAGE` at most. */
  async local(after: string): Promise<Pick<StoredObject, 'location' | 'target'>[]> {
    return this.#db
      .selectFrom('stored_object')
      .select(['location', 'target'])
      .where('local', '=', 1)
      .where('location', '>', after)
      .orderBy('location')
      .limit(PAGE)
      .execute();
  }

  /**
   * Makes an uploaded object visible. Its file is still in the data folder.
   *
   * @returns false if its location was deleted meanwhile: then the object will be deleted
   * @throws OxbowError `data-in-use` if another process has taken the data folder
   */
  async commit(object: Omit<StoredObject, 'fence' | 'uploaded_us' | 'local'>): Promise<boolean> {
    const fence = this.#fence();
    const isVisible = await this.#db.transaction().execute(async (db) => {
      if (!(await holdLease(db, fence))) throw indexTaken();
      const { numDeletedRows } = await db
        .deleteFrom('object_upload')
        .where('location', '=', object.location)
        .where('key', '=', object.key)
        .executeTakeFirst();
      if (numDeletedRows === 0n) return false;
      const { location } = object;
      const before = await db
        .selectFrom('stored_object')
        .selectAll()
        .where('location', '=', location)
        .executeTakeFirst();
      if (before) {
        await db.deleteFrom('stored_object').where('location', '=', location).execute();
        if (before.key !== object.key || before.target !== object.target) await this.#deletions.add(db, [before]);
      }
      const row = { ...object, fence: fence.token, uploaded_us: this.#nowUs(), local: 1 };
      await db.insertInto('stored_object').values(row).execute();
      return true;
    });
    this.#rows.delete(object.location);
    return isVisible;
  }

  /**
   * Adds an object that was found in a bucket, unless its location has a row.
   * @param isLocal its file is in the data folder
   */
  async adopt(
    object: Pick<StoredObject, 'location' | 'target' | 'key' | 'size' | 'fence'>,
    isLocal: boolean,
  ): Promise<void> {
    const row = { ...object, checksum: '', uploaded_us: this.#nowUs(), local: isLocal ? 1 : 0 };
    await this.#db
      .insertInto('stored_object')
      .values(row)
      .onConflict((conflict) => conflict.column('location').doNothing())
      .execute();
  }

  /** Removes the rows of objects that are in no bucket. @param places `TARGET KEY` of those that are */
  async keepOnly(places: ReadonlySet<string>): Promise<void> {
    for (let after = ''; ; ) {
      const rows = await this.#db
        .selectFrom('stored_object')
        .select(['location', 'target', 'key'])
        .where('location', '>', after)
        .orderBy('location')
        .limit(PAGE)
        .execute();
      const gone = rows.filter(({ target, key }) => !places.has(`${target} ${key}`)).map(({ location }) => location);
      if (gone.length > 0) await this.#db.deleteFrom('stored_object').where('location', 'in', gone).execute();
      for (const location of gone) this.#rows.delete(location);
      after = rows.at(-1)?.location ?? '';
      if (rows.length < PAGE) return;
    }
  }

  /** Whether this process still holds the data folder. */
  async isHeld(): Promise<boolean> {
    const { name, token } = this.#fence();
    const row = await this.#db
      .selectFrom('lease')
      .select('token')
      .where('name', '=', name)
      .where('token', '=', token)
      .executeTakeFirst();
    return row !== undefined;
  }

  /** Notes that the file of an object is no longer in the data folder. */
  async movedAway(location: SegmentLocation): Promise<void> {
    await this.#db.updateTable('stored_object').set({ local: 0 }).where('location', '=', location).execute();
    this.#rows.delete(location);
  }

  /**
   * Removes the rows and intents of a location, or of everything with a prefix; their objects will be
   * deleted.
   *
   * @returns the rows
   * @throws OxbowError `data-in-use` if another process has taken the data folder
   */
  async remove(prefix: SegmentPrefix): Promise<readonly StoredObject[]> {
    const rows = await Promise.all([
      this.#startingWith('stored_object', prefix),
      this.#startingWith('object_upload', prefix),
    ]);
    if (rows.every((row) => row === undefined)) return [];
    const removed: StoredObject[] = [];
    const fence = this.#fence();
    await this.#db.transaction().execute(async (db) => {
      if (!(await holdLease(db, fence))) throw indexTaken();
      for (const table of ['stored_object', 'object_upload'] as const) {
        const gone = await db
          .deleteFrom(table)
          .where('location', '>=', prefix)
          .where('location', prefix.endsWith('/') ? '<' : '<=', prefix.endsWith('/') ? endOf(prefix) : prefix)
          .returningAll()
          .execute();
        await this.#deletions.add(db, gone);
        if (table === 'stored_object') removed.push(...(gone as StoredObject[]));
      }
    });
    for (const location of [...this.#rows.keys()]) if (location.startsWith(prefix)) this.#rows.delete(location);
    return removed;
  }

  #startingWith(table: 'stored_object' | 'object_upload', prefix: SegmentPrefix) {
    return this.#db
      .selectFrom(table)
      .select('location')
      .where('location', '>=', prefix)
      .where('location', prefix.endsWith('/') ? '<' : '<=', prefix.endsWith('/') ? endOf(prefix) : prefix)
      .limit(1)
      .executeTakeFirst();
  }

  /** The row of an object; undefined if its location has another one, or none. */
  byKey(target: string, key: string): Promise<StoredObject | undefined> {
    return this.#db
      .selectFrom('stored_object')
      .selectAll()
      .where('target', '=', target)
      .where('key', '=', key)
      .executeTakeFirst();
  }

  /** How many objects and bytes each target has. */
  async totals(): Promise<ReadonlyMap<string, { readonly count: number; readonly bytes: number }>> {
    const rows = await this.#db.selectFrom('stored_total').selectAll().execute();
    return new Map(rows.map(({ target, objects, bytes }) => [target, { count: objects, bytes }]));
  }
}

/**
 * The least text after everything below a folder-like prefix: "0" is the character after "/". Of another
 * prefix, as text after it.
 */
function endOf(prefix: string): string {
  return prefix.endsWith('/') ? `${prefix.slice(0, -1)}0` : `${prefix}\uffff`;
}

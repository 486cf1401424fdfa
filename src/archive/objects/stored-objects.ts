/**
 * The index of objects in buckets. An object without a row in it does not exist: who uploads writes an intent
 * first, then bytes, then the row, and intent and row are written only while this process holds the data
 * folder. What a process leaves in a bucket is therefore always known: it has a row, an intent, or waits for
 * its deletion.
 * In: rows of the uploader, deletions of the store. Out: where an object is. The intents are in
 * object-uploads, the deletions in object-deletions; object-rows says in which database.
 * docs/decisions/0050.
 */
import type { Kysely, Selectable } from 'kysely';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { unlessShardLost } from '../../store/engine.ts';
import { byStream, streamOfLocation } from '../../store/objects/object-places.ts';
import type { StoredObjectTable } from '../../store/objects/object-tables.ts';
import type { Tables } from '../../store/schema.ts';
import type { SegmentLocation, SegmentPrefix } from '../segment-store.ts';
import type { ObjectDeletions } from './object-deletions.ts';
import type { ObjectRows } from './object-rows.ts';

/** An object in a bucket. */
export type StoredObject = Selectable<StoredObjectTable>;
/** An object with a verified content. Those of a description name keys of a mirror. */
export type CommittedObject = Omit<StoredObject, 'fence' | 'uploaded_us' | 'local' | 'log_first' | 'log_last'> &
  Partial<Pick<StoredObject, 'log_first' | 'log_last'>>;
/** A range of keys of a mirror that a description is in. */
export type LoggedRange = Pick<StoredObject, 'location' | 'log_first' | 'log_last'>;
/**
 * Most time between the first and the last object that a description names, ms: a file that took longer is
 * stored as a whole. With it, a look at some objects reads few rows, not all of the later ones.
 */
export const MAX_LOG_SPAN_MS = 3_600_000;
/** Rows in memory: a viewer of the past reads one file many times. */
const MAX_ROWS = 10_000;
/** Rows of one query. */
const PAGE = 500;

/** Reads and writes the rows of objects. */
export class StoredObjects {
  readonly #where: ObjectRows;
  readonly #nowUs: () => number;
  readonly #deletions: ObjectDeletions;
  /** Rows that were read lately. */
  readonly #rows = new Map<string, StoredObject>();

  /** @param nowUs µs since 1970 */
  constructor(where: ObjectRows, nowUs: () => number, deletions: ObjectDeletions) {
    this.#where = where;
    this.#nowUs = nowUs;
    this.#deletions = deletions;
  }

  /** The row of a location. */
  async find(location: SegmentLocation): Promise<StoredObject | undefined> {
    const cached = this.#rows.get(location);
    if (cached) return cached;
    const row = await this.#where.read(location, (db) =>
      db.selectFrom('stored_object').selectAll().where('location', '=', location).executeTakeFirst(),
    );
    if (row) {
      this.#rows.set(location, row);
      dropOldest(this.#rows, MAX_ROWS);
    }
    return row;
  }

  /** Whether there is no row; false while a database does not respond. */
  async isEmpty(): Promise<boolean> {
    const found = await unlessShardLost(() =>
      this.#where.each(async ({ db }) => {
        for (const table of ['stored_object', 'object_upload', 'object_deletion'] as const) {
          if (await db.selectFrom(table).select('target').limit(1).executeTakeFirst()) return true;
        }
        return false;
      }),
    );
    return found !== undefined && !found.includes(true);
  }

  /** Which of some locations have a row, with their targets. */
  async targetsOf(locations: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const targets = new Map<string, string>();
    for (let i = 0; i < locations.length; i += PAGE) {
      const rows = await this.#where.readAll(locations.slice(i, i + PAGE), (db, some) =>
        db.selectFrom('stored_object').select(['location', 'target']).where('location', 'in', some).execute(),
      );
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
    const query = (db: Kysely<Tables>, after: string) =>
      db
        .selectFrom('stored_object')
        .select('location')
        .where('location', '>=', from !== undefined && from > prefix ? from : prefix)
        .where('location', '<', to !== undefined && to < end ? to : end)
        .where('location', '>', after)
        .orderBy('location')
        .limit(PAGE)
        .execute();
    for (let after = ''; ; ) {
      const from = after;
      const rows = await (streamOfLocation(prefix) === undefined
        ? this.#where.page(after, PAGE, query)
        : this.#where.read(prefix, (db) => query(db, from)));
      for (const { location } of rows) yield location as SegmentLocation;
      if (rows.length < PAGE) return;
      after = rows.at(-1)!.location;
    }
  }

  /** Names of the folders directly below a prefix, in order. */
  async folders(prefix: SegmentPrefix): Promise<string[]> {
    if (streamOfLocation(prefix) !== undefined)
      return this.#where.read(prefix, (db) => foldersIn(db, prefix, () => true));
    const names = await this.#where.each(({ db, has }) => foldersIn(db, prefix, has));
    return names.length === 1 ? names[0]! : [...new Set(names.flat())].sort();
  }

  /** Objects whose file is still in the data folder, in order, `PAGE` at most. */
  async local(after: string): Promise<Pick<StoredObject, 'location' | 'target' | 'key'>[]> {
    return this.#where.page(after, PAGE, (db, from) =>
      db
        .selectFrom('stored_object')
        .select(['location', 'target', 'key'])
        .where('local', '=', 1)
        .where('location', '>', from)
        .orderBy('location')
        .limit(PAGE)
        .execute(),
    );
  }

  /**
   * Makes an uploaded object visible. Its file is still in the data folder.
   *
   * @returns false if its location was deleted meanwhile: then the object will be deleted
   * @throws OxbowError `data-in-use` if another process has taken the data folder
   */
  async commit(object: CommittedObject): Promise<boolean> {
    const { fence } = this.#where;
    const isVisible = await this.#where.change(object.location, async (db) => {
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
    object: Pick<CommittedObject, 'location' | 'target' | 'key' | 'size' | 'log_first' | 'log_last'> &
      Pick<StoredObject, 'fence'>,
    isLocal: boolean,
  ): Promise<void> {
    const row = { ...object, checksum: '', uploaded_us: this.#nowUs(), local: isLocal ? 1 : 0 };
    await this.#where.change(object.location, (db) =>
      db
        .insertInto('stored_object')
        .values(row)
        .onConflict((conflict) => conflict.column('location').doNothing())
        .execute(),
    );
  }

  /** Removes the rows of objects that are in no bucket. @param places `TARGET KEY` of those that are */
  async keepOnly(places: ReadonlySet<string>): Promise<void> {
    const gone = await this.#where.each(async ({ db, has }) => {
      const locations: string[] = [];
      for (let after = ''; ; ) {
        const rows = await db
          .selectFrom('stored_object')
          .select(['location', 'target', 'key'])
          .where('location', '>', after)
          .orderBy('location')
          .limit(PAGE)
          .execute();
        for (const { location, target, key } of rows)
          if (!places.has(`${target} ${key}`) && has(location)) locations.push(location);
        after = rows.at(-1)?.location ?? '';
        if (rows.length < PAGE) return locations;
      }
    });
    for (const some of byStream(gone.flat()).values()) {
      for (let i = 0; i < some.length; i += PAGE) {
        const locations = some.slice(i, i + PAGE);
        await this.#where.change(locations[0]!, (db) =>
          db.deleteFrom('stored_object').where('location', 'in', locations).execute(),
        );
        for (const location of locations) this.#rows.delete(location);
      }
    }
  }

  /** Whether this process still holds the data folder. */
  async isHeld(): Promise<boolean> {
    const { fence, catalogue } = this.#where;
    const { name, token } = fence;
    const row = await catalogue
      .selectFrom('lease')
      .select('token')
      .where('name', '=', name)
      .where('token', '=', token)
      .executeTakeFirst();
    return row !== undefined;
  }

  /** Notes that the file of an object is no longer in the data folder. */
  async movedAway(location: SegmentLocation): Promise<void> {
    await this.#where.change(location, (db) =>
      db.updateTable('stored_object').set({ local: 0 }).where('location', '=', location).execute(),
    );
    this.#rows.delete(location);
  }

  /**
   * Removes the rows and intents of a location, or of everything with a prefix, within one recording or
   * outside of all; their objects will be deleted.
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
    const removed = await this.#where.change(prefix, async (db) => {
      const removed: StoredObject[] = [];
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
      return removed;
    });
    for (const location of [...this.#rows.keys()]) if (location.startsWith(prefix)) this.#rows.delete(location);
    return removed;
  }

  #startingWith(table: 'stored_object' | 'object_upload', prefix: SegmentPrefix) {
    return this.#where.read(prefix, (db) =>
      db
        .selectFrom(table)
        .select('location')
        .where('location', '>=', prefix)
        .where('location', prefix.endsWith('/') ? '<' : '<=', prefix.endsWith('/') ? endOf(prefix) : prefix)
        .limit(1)
        .executeTakeFirst(),
    );
  }

  /** The row of an object; undefined if its location has another one, or none. */
  async byKey(target: string, key: string): Promise<StoredObject | undefined> {
    const all = await this.#where.each(async ({ db, has }) => {
      const row = await db
        .selectFrom('stored_object')
        .selectAll()
        .where('target', '=', target)
        .where('key', '=', key)
        .executeTakeFirst();
      return row && has(row.location) ? row : undefined;
    });
    return all.find((row) => row !== undefined);
  }

  /**
   * The descriptions that may name an object of a mirror from `first` to `last`.
   * @throws OxbowError `not-ready` if a database does not respond: what it has is not known
   */
  async loggedBetween(target: string, first: string, last: string): Promise<readonly LoggedRange[]> {
    const all = await this.#where.each(async ({ db, has }) => {
      const rows = await db
        .selectFrom('stored_object')
        .select(['location', 'log_first', 'log_last'])
        .where('target', '=', target)
        .where('log_last', '<>', '')
        .where('log_last', '>=', first)
        .where('log_last', '<=', spanAfter(last))
        .where('log_first', '<=', last)
        .execute();
      return rows.filter(({ location }) => has(location));
    });
    return all.flat();
  }

  /**
   * How many objects and bytes each target has, in the databases that respond. Those of a stream that is
   * being moved may count twice.
   */
  async totals(): Promise<ReadonlyMap<string, { readonly count: number; readonly bytes: number }>> {
    const all = await this.#where.eachReached(({ db }) => db.selectFrom('stored_total').selectAll().execute());
    const totals = new Map<string, { count: number; bytes: number }>();
    for (const { target, objects, bytes } of all.flat()) {
      const total = totals.get(target) ?? { count: 0, bytes: 0 };
      totals.set(target, { count: total.count + objects, bytes: total.bytes + bytes });
    }
    return totals;
  }
}

/** Names of the folders directly below a prefix in one database, in order. */
async function foldersIn(
  db: Kysely<Tables>,
  prefix: SegmentPrefix,
  has: (location: string) => boolean,
): Promise<string[]> {
  const names: string[] = [];
  const end = endOf(prefix);
  for (let after: string = prefix; ; ) {
    const row = await db
      .selectFrom('stored_object')
      .select('location')
      .where('location', '>', after)
      .where('location', '<', end)
      .orderBy('location')
      .limit(1)
      .executeTakeFirst();
    if (!row) return names;
    const slash = row.location.indexOf('/', prefix.length);
    if (slash >= 0 && has(row.location)) names.push(row.location.slice(prefix.length, slash));
    // The character after `/` is "0": behind it is what follows the folder.
    after = slash >= 0 ? `${row.location.slice(0, slash)}0` : row.location;
  }
}

/**
 * The least text after everything below a folder-like prefix: "0" is the character after "/". Of another
 * prefix, as text after it.
 */
function endOf(prefix: string): string {
  return prefix.endsWith('/') ? `${prefix.slice(0, -1)}0` : `${prefix}\uffff`;
}

/** The last key of descriptions that may name an object. @param key of the object; it ends with its time */
function spanAfter(key: string): string {
  return key.replace(/\d{15}$/, (time) => String(Number(time) + MAX_LOG_SPAN_MS).padStart(15, '0'));
}

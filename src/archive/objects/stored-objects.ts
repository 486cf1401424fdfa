/**
 * The index of objects in buckets. An object without a row in it does not exist: who uploads writes an intent
 * first, then bytes, then the row, and intent and row are written only while this process holds the data
 * folder. What a process leaves in a bucket is therefore always known: it has a row, an intent, or waits for
 * its deletion.
 * In: rows of the uploader, deletions of the store. Out: where an object is; objects to delete.
 * docs/decisions/0050.
 */
import type { Kysely, Selectable } from 'kysely';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { type Fence, holdLease, indexTaken } from '../../store/lease-table.ts';
import type { ObjectDeletionTable, ObjectUploadTable, StoredObjectTable } from '../../store/objects/object-tables.ts';
import type { Tables } from '../../store/schema.ts';
import type { SegmentLocation, SegmentPrefix } from '../segment-store.ts';
import type { PartialUpload } from './object-client.ts';

/** An object in a bucket. */
export type StoredObject = Selectable<StoredObjectTable>;
/** An upload that has begun. */
export type ObjectUpload = Selectable<ObjectUploadTable>;
/** An object to delete. */
export type ObjectDeletion = Selectable<ObjectDeletionTable>;

/** Rows in memory: a viewer of the past reads one file many times. */
const MAX_ROWS = 10_000;
/** Rows of one query. */
const PAGE = 500;
/**
 * What another process may still be writing is deleted at once and again after this time, µs. No request of
 * an upload lasts longer than minutes; a day leaves room for machines that sleep.
 */
const AGAIN_US = 86_400_000_000;

/** Reads and writes the index. */
export class StoredObjects {
  readonly #db: Kysely<Tables>;
  readonly #fence: () => Fence;
  readonly #nowUs: () => number;
  /** Rows that were read lately. */
  readonly #rows = new Map<string, StoredObject>();

  /** @param nowUs µs since 1970 */
  constructor(db: Kysely<Tables>, fence: () => Fence, nowUs: () => number) {
    this.#db = db;
    this.#fence = fence;
    this.#nowUs = nowUs;
  }

  /** Token of the lease of this process. */
  get token(): number {
    return this.#fence().token;
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
   * Writes the intent to upload, or returns the one there is, for the same target: its upload continues.
   *
   * @param key of a new upload
   * @throws OxbowError `data-in-use` if another process has taken the data folder
   */
  async begin(location: SegmentLocation, target: string, key: string): Promise<ObjectUpload> {
    const fence = this.#fence();
    return this.#db.transaction().execute(async (db) => {
      if (!(await holdLease(db, fence))) throw indexTaken();
      const uploadRow = await db
        .selectFrom('object_upload')
        .selectAll()
        .where('location', '=', location)
        .executeTakeFirst();
      // Without parts there is nothing to continue, and a process that lost the folder may be sending to that
      // key.
      if (uploadRow && uploadRow.target === target && (uploadRow.parts !== '' || uploadRow.fence === fence.token)) {
        await db.updateTable('object_upload').set({ fence: fence.token }).where('location', '=', location).execute();
        return { ...uploadRow, fence: fence.token };
      }
      if (uploadRow) {
        await db.deleteFrom('object_upload').where('location', '=', location).execute();
        await this.#doom(db, [uploadRow]);
      }
      // A key that waits for its deletion is not used again: the new object would be deleted.
      const isDoomed = await db
        .selectFrom('object_deletion')
        .select('key')
        .where('target', '=', target)
        .where('key', '=', key)
        .executeTakeFirst();
      const free = isDoomed ? `${key}~${this.#nowUs().toString(36)}` : key;
      const upload = { location, target, key: free, fence: fence.token, parts: '' };
      await db.insertInto('object_upload').values(upload).execute();
      return upload;
    });
  }

  /** Notes which parts the server has. */
  async save(location: SegmentLocation, parts: PartialUpload): Promise<void> {
    await this.#db
      .updateTable('object_upload')
      .set({ parts: JSON.stringify(parts) })
      .where('location', '=', location)
      .where('fence', '=', this.token)
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
        if (before.key !== object.key || before.target !== object.target) await this.#doom(db, [before]);
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
        await this.#doom(db, gone);
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

  /** The intents, in order. */
  uploads(): Promise<ObjectUpload[]> {
    return this.#db.selectFrom('object_upload').selectAll().orderBy('location').execute();
  }

  /** Gives an upload up: its parts will be deleted. */
  async giveUp(location: SegmentLocation): Promise<void> {
    await this.#db.transaction().execute(async (db) => {
      const gone = await db.deleteFrom('object_upload').where('location', '=', location).returningAll().execute();
      await this.#doom(db, gone);
    });
  }

  /** Deletions whose time has come, oldest first. @param target of one target only */
  due(limit: number, target?: string): Promise<ObjectDeletion[]> {
    const due = this.#db
      .selectFrom('object_deletion')
      .selectAll()
      .where('due_us', '<=', this.#nowUs())
      .orderBy('due_us')
      .limit(limit);
    return (target === undefined ? due : due.where('target', '=', target)).execute();
  }

  /** The deletion of an object that waits now; undefined if none does. */
  deletionOf(target: string, key: string): Promise<ObjectDeletion | undefined> {
    return this.#db
      .selectFrom('object_deletion')
      .selectAll()
      .where(matches({ target, key }))
      .where('due_us', '<=', this.#nowUs())
      .executeTakeFirst();
  }

  /** The row of an object; undefined if its location has another one, or none. */
  byKey(target: string, key: string): Promise<StoredObject | undefined> {
    return this.#db.selectFrom('stored_object').selectAll().where(matches({ target, key })).executeTakeFirst();
  }

  /** An object was deleted; one that may be written once more is deleted again later. */
  async deleted({ target, key, again }: ObjectDeletion): Promise<void> {
    const at = { target, key };
    if (again === 1) {
      const later = { again: 0, due_us: this.#nowUs() + AGAIN_US };
      await this.#db.updateTable('object_deletion').set(later).where(matches(at)).execute();
    } else await this.#db.deleteFrom('object_deletion').where(matches(at)).execute();
  }

  /** How many objects and bytes each target has, uploads under way, and deletions that wait. */
  async totals(): Promise<{
    readonly objects: ReadonlyMap<string, { readonly count: number; readonly bytes: number }>;
    readonly deletions: number;
  }> {
    const rows = await this.#db
      .selectFrom('stored_object')
      .select((eb) => ['target', eb.fn.countAll<number>().as('count'), eb.fn.sum<number>('size').as('bytes')])
      .groupBy('target')
      .execute();
    const deletions = await this.#db
      .selectFrom('object_deletion')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return {
      objects: new Map(rows.map(({ target, count, bytes }) => [target, { count, bytes }])),
      deletions: deletions.count,
    };
  }

  /** Queues objects for deletion. Those of an upload may still be arriving. */
  async #doom(db: Kysely<Tables>, gone: readonly (StoredObject | ObjectUpload)[]): Promise<void> {
    for (const object of gone) {
      const parts = 'parts' in object ? object.parts : '';
      const again = 'parts' in object ? 1 : 0;
      const row = { target: object.target, key: object.key, parts, again, due_us: this.#nowUs() };
      await db
        .insertInto('object_deletion')
        .values(row)
        .onConflict((conflict) => conflict.columns(['target', 'key']).doUpdateSet({ due_us: row.due_us, again }))
        .execute();
    }
  }
}

const matches =
  ({ target, key }: { readonly target: string; readonly key: string }) =>
  // biome-ignore lint/suspicious/noExplicitAny: the same condition for an update and a deletion
  (eb: any) =>
    eb.and([eb('target', '=', target), eb('key', '=', key)]);

/**
 * The least text after everything below a folder-like prefix: "0" is the character after "/". Of another
 * prefix, as text after it.
 */
function endOf(prefix: string): string {
  return prefix.endsWith('/') ? `${prefix.slice(0, -1)}0` : `${prefix}\uffff`;
}

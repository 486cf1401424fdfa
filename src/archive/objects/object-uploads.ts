/**
 * The intents to upload, a part of the index of objects: written before the first byte, so that a process
 * which ends leaves nothing unknown in a bucket.
 * In: locations, parts that a server has. Out: rows; uploads that are given up become deletions.
 * docs/decisions/0050.
 */
import type { Kysely, Selectable } from 'kysely';
import { type Fence, holdLease, indexTaken } from '../../store/lease-table.ts';
import type { ObjectUploadTable } from '../../store/objects/object-tables.ts';
import type { Tables } from '../../store/schema.ts';
import type { SegmentLocation } from '../segment-store.ts';
import type { PartialUpload } from './object-client.ts';
import type { ObjectDeletions } from './object-deletions.ts';

/** An upload that has begun. */
export type ObjectUpload = Selectable<ObjectUploadTable>;

/** Reads and writes the intents. */
export class ObjectUploads {
  readonly #db: Kysely<Tables>;
  readonly #fence: () => Fence;
  readonly #nowUs: () => number;
  readonly #deletions: ObjectDeletions;

  /** @param nowUs µs since 1970 */
  constructor(db: Kysely<Tables>, fence: () => Fence, nowUs: () => number, deletions: ObjectDeletions) {
    this.#db = db;
    this.#fence = fence;
    this.#nowUs = nowUs;
    this.#deletions = deletions;
  }

  /** Token of the lease of this process. */
  get token(): number {
    return this.#fence().token;
  }

  /** The intents, in order. */
  all(): Promise<ObjectUpload[]> {
    return this.#db.selectFrom('object_upload').selectAll().orderBy('location').execute();
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
        await this.#deletions.add(db, [uploadRow]);
      }
      // A key that waits for its deletion is not used again: the new object would be deleted.
      const isDoomed = await this.#deletions.has(db, { target, key });
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

  /** Gives an upload up: its parts will be deleted. */
  async giveUp(location: SegmentLocation): Promise<void> {
    await this.#db.transaction().execute(async (db) => {
      const gone = await db.deleteFrom('object_upload').where('location', '=', location).returningAll().execute();
      await this.#deletions.add(db, gone);
    });
  }
}

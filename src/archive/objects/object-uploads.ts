/**
 * The intents to upload, a part of the index of objects: written before the first byte, so that a process
 * which ends leaves nothing unknown in a bucket.
 * In: locations, parts that a server has. Out: rows; uploads that are given up become deletions.
 * docs/decisions/0050.
 */
import type { Selectable } from 'kysely';
import type { ObjectUploadTable } from '../../store/objects/object-tables.ts';
import type { SegmentLocation } from '../segment-store.ts';
import { isLoggedKey } from './logged/logged-file.ts';
import type { PartialUpload } from './object-client.ts';
import type { ObjectDeletions } from './object-deletions.ts';
import type { ObjectRows } from './object-rows.ts';

/** An upload that has begun. */
export type ObjectUpload = Selectable<ObjectUploadTable>;

/** Reads and writes the intents. */
export class ObjectUploads {
  readonly #rows: ObjectRows;
  readonly #nowUs: () => number;
  readonly #deletions: ObjectDeletions;

  /** @param nowUs µs since 1970 */
  constructor(rows: ObjectRows, nowUs: () => number, deletions: ObjectDeletions) {
    this.#rows = rows;
    this.#nowUs = nowUs;
    this.#deletions = deletions;
  }

  /** Token of the lease of this process. */
  get token(): number {
    return this.#rows.fence.token;
  }

  /** The intents in the databases that respond, in order in each. */
  async all(): Promise<ObjectUpload[]> {
    const all = await this.#rows.eachReached(async ({ db, has }) => {
      const rows = await db.selectFrom('object_upload').selectAll().orderBy('location').execute();
      return rows.filter(({ location }) => has(location));
    });
    return all.flat();
  }

  /**
   * The ids of uploads in parts that someone will continue or discard: of intents, of uploads that arrive in
   * a bucket, and of deletions.
   *
   * @throws OxbowError `not-ready` if a database does not respond: its uploads are not known
   */
  async knownIds(): Promise<ReadonlySet<string>> {
    const ids = new Set<string>();
    const add = (parts: string) => {
      if (parts !== '') ids.add((JSON.parse(parts) as PartialUpload).uploadId);
    };
    await this.#rows.each(async ({ db }) => {
      for (const { parts } of await db.selectFrom('object_upload').select('parts').execute()) add(parts);
      const doomed = db.selectFrom('object_deletion').select('parts').where('parts', '<>', '');
      for (const { parts } of await doomed.execute()) add(parts);
    });
    const staged = this.#rows.catalogue.selectFrom('staged_upload').select('upload_id').where('upload_id', '<>', '');
    for (const { upload_id: id } of await staged.execute()) ids.add(id);
    return ids;
  }

  /** The id of the stream or asset of a location; empty for another location. */
  idOf(location: string): string {
    return /^(?:recordings|assets)\/([^/]+)\//.exec(location)?.[1] ?? '';
  }

  /** The ids of all streams and assets; undefined: there are more than `most`. */
  async ownIds(most: number): Promise<readonly string[] | undefined> {
    const { catalogue } = this.#rows;
    const ids: string[] = [];
    for (const table of ['stream', 'asset'] as const) {
      const rows = await catalogue
        .selectFrom(table)
        .select('id')
        .limit(most + 1)
        .execute();
      ids.push(...rows.map(({ id }) => id));
    }
    return ids.length > most ? undefined : ids;
  }

  /**
   * Of locations that a bucket names, those of streams and assets that the catalogue has: another server may
   * write below the same prefix.
   */
  async ownOf(locations: readonly string[]): Promise<ReadonlySet<string>> {
    const ids = [...new Set(locations.map((location) => this.idOf(location)))];
    const { catalogue } = this.#rows;
    const known = new Set<string>();
    for (let i = 0; i < ids.length; i += 500) {
      const some = ids.slice(i, i + 500);
      const streams = await catalogue.selectFrom('stream').select('id').where('id', 'in', some).execute();
      const assets = await catalogue.selectFrom('asset').select('id').where('id', 'in', some).execute();
      for (const { id } of [...streams, ...assets]) known.add(id);
    }
    return new Set(locations.filter((location) => known.has(this.idOf(location))));
  }

  /**
   * Writes the intent to upload, or returns the one there is, for the same target, and of the same kind (a
   * file, or its description): its upload continues.
   *
   * @param key of a new upload
   * @throws OxbowError `data-in-use` if another process has taken the data folder
   */
  async begin(location: SegmentLocation, target: string, key: string): Promise<ObjectUpload> {
    const { fence } = this.#rows;
    // A stream that was moved may have left deletions in another database.
    const isDoomedElsewhere = await this.#deletions.isDoomed({ target, key });
    return this.#rows.change(location, async (db) => {
      const uploadRow = await db
        .selectFrom('object_upload')
        .selectAll()
        .where('location', '=', location)
        .executeTakeFirst();
      // Without parts there is nothing to continue, and a process that lost the folder may be sending to that
      // key.
      const isSameKind = uploadRow?.target === target && isLoggedKey(uploadRow.key) === isLoggedKey(key);
      if (uploadRow && isSameKind && (uploadRow.parts !== '' || uploadRow.fence === fence.token)) {
        await db.updateTable('object_upload').set({ fence: fence.token }).where('location', '=', location).execute();
        return { ...uploadRow, fence: fence.token };
      }
      if (uploadRow) {
        await db.deleteFrom('object_upload').where('location', '=', location).execute();
        await this.#deletions.add(db, [uploadRow]);
      }
      // A key that waits for its deletion is not used again: the new object would be deleted.
      const isDoomed = isDoomedElsewhere || (await this.#deletions.has(db, { target, key }));
      const free = isDoomed ? `${key}~${this.#nowUs().toString(36)}` : key;
      const upload = { location, target, key: free, fence: fence.token, parts: '' };
      await db.insertInto('object_upload').values(upload).execute();
      return upload;
    });
  }

  /** Notes which parts the server has. */
  async save(location: SegmentLocation, parts: PartialUpload): Promise<void> {
    const { token } = this;
    await this.#rows.change(location, (db) =>
      db
        .updateTable('object_upload')
        .set({ parts: JSON.stringify(parts) })
        .where('location', '=', location)
        .where('fence', '=', token)
        .execute(),
    );
  }

  /** Gives an upload up: its parts will be deleted. */
  async giveUp(location: SegmentLocation): Promise<void> {
    await this.#rows.change(location, async (db) => {
      const gone = await db.deleteFrom('object_upload').where('location', '=', location).returningAll().execute();
      await this.#deletions.add(db, gone);
    });
  }
}

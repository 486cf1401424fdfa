/**
 * Stores of uploads over one bucket, as the processes of a cluster have them. Used by tests only.
 * In: a database, a client of a bucket. Out: stores, and what the bucket and the rows have.
 */
import { createManualClock } from '../../lib/clock.ts';
import type { Store } from '../../store/db.ts';
import type { ObjectClient } from '../objects/object-client.ts';
import { ObjectDeletions } from '../objects/object-deletions.ts';
import { ObjectRows } from '../objects/object-rows.ts';
import { StoredObjects } from '../objects/stored-objects.ts';
import { readParts } from '../objects/upload-object.ts';
import { openStagingStore, type StagingStore, type StagingStoreOptions } from './staging-store.ts';

/** Name of the object store. */
export const BUCKET = 'bucket';

/** Bytes of a part. */
export const PART: number = 1024 * 1024;

/** What a test sees of uploads in a bucket. */
export interface TestStaging {
  readonly objects: StoredObjects;
  /** Opens the store of a process. */
  open(change?: Partial<StagingStoreOptions>): StagingStore;
  /** Bytes of the object of a location. */
  read(location: string): Promise<Buffer>;
  /** Deletes what waits for its deletion; also what waits for a day. */
  delete(): Promise<void>;
  /** Number of rows of unfinished objects, and of their stretches. */
  rows(): Promise<readonly [uploads: number, parts: number]>;
}

export function openTestStaging({ db, fence }: Store, client: ObjectClient): TestStaging {
  let nowUs = 1_700_000_000_000_000;
  const rows = ObjectRows.in(db, () => fence);
  const deletions = new ObjectDeletions(rows, () => nowUs);
  const objects = new StoredObjects(rows, () => nowUs, deletions);
  return {
    objects,
    open: (change = {}) =>
      openStagingStore({
        db,
        deletions,
        objects,
        clientOf: async () => client,
        prefixOf: () => 'o',
        fence: () => fence,
        clock: createManualClock(),
        maxMemory: () => 2 ** 26,
        repeatedMs: 0,
        partBytes: PART,
        ...change,
      }),
    async read(location) {
      const { key, size } = await db
        .selectFrom('stored_object')
        .selectAll()
        .where('location', '=', location)
        .executeTakeFirstOrThrow();
      return Buffer.from((await client.read(key, { offset: 0, length: size }))!);
    },
    async delete() {
      nowUs += 2 * 86_400_000_000;
      for (const due of await deletions.due(1000)) {
        const parts = readParts(due);
        if (parts) await client.abandon(due.key, parts);
        await client.delete(due.key);
        await deletions.deleted({ ...due, again: 0 });
      }
    },
    async rows() {
      const uploads = await db.selectFrom('staged_upload').select('location').execute();
      const parts = await db.selectFrom('staged_part').select('location').execute();
      return [uploads.length, parts.length];
    },
  };
}

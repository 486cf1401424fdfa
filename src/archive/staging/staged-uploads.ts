/**
 * The index of uploads whose bytes are in a bucket: where each object is made, and which stretches of it the
 * bucket has. What is in the bucket is always known: it has a row here, or waits for its deletion.
 * In: parts that a bucket has. Out: rows; objects for deletion. docs/decisions/0100.
 */
import { randomBytes } from 'node:crypto';
import type { Kysely, Selectable } from 'kysely';
import { OxbowError } from '../../lib/errors.ts';
import { type Fence, holdLease, indexTaken } from '../../store/lease-table.ts';
import type { Tables } from '../../store/schema.ts';
import { hasNoUpload } from '../../store/staged-rows.ts';
import type { StagedPartTable, StagedUploadTable } from '../../store/tables/staged-tables.ts';
import type { PartialUpload } from '../objects/object-client.ts';
import type { ObjectDeletions } from '../objects/object-deletions.ts';
import type { SegmentLocation } from '../segment-store.ts';
import { UploadLostError } from '../upload-store.ts';
import { MAX_NUMBER } from './part-sizes.ts';

export type StagedUpload = Selectable<StagedUploadTable> & { readonly location: SegmentLocation };
/** A part of the object, or an object with a stretch that is shorter than a part. */
export type StagedPart = Selectable<StagedPartTable> & { readonly location: SegmentLocation };

export interface StagedUploadsOptions {
  readonly db: Kysely<Tables>;
  readonly deletions: ObjectDeletions;
  /** Of this process: an object becomes visible only while it holds its lease. */
  readonly fence: () => Fence;
  readonly nowMs: () => number;
  /** Start of the keys of a target, without `/` at its end; may be empty. */
  readonly prefixOf: (target: string) => string;
}

/** Reads and writes the rows. */
export class StagedUploads {
  readonly #options: StagedUploadsOptions;

  constructor(options: StagedUploadsOptions) {
    this.#options = options;
  }

  async find(location: SegmentLocation): Promise<StagedUpload | undefined> {
    const row = await this.#options.db
      .selectFrom('staged_upload')
      .selectAll()
      .where('location', '=', location)
      .executeTakeFirst();
    return row && { ...row, location };
  }

  /** The stretches of an upload, in order. */
  async parts(location: SegmentLocation): Promise<StagedPart[]> {
    const rows = await this.#options.db
      .selectFrom('staged_part')
      .selectAll()
      .where('location', '=', location)
      .orderBy('start')
      .execute();
    return rows.map((row) => ({ ...row, location }));
  }

  /** The row of an upload; the first caller makes it. @param partBytes of partBytesFor */
  async begin(location: SegmentLocation, target: string, partBytes: number): Promise<StagedUpload> {
    const { db, fence, prefixOf } = this.#options;
    const row = {
      location,
      target,
      key: `${startOf(prefixOf(target))}${fence().token}/${location}~${unique()}`,
      upload_id: '',
      part_bytes: partBytes,
      last_number: 0,
    };
    await db
      .insertInto('staged_upload')
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    return (await this.find(location)) ?? row;
  }

  /**
   * Notes the upload that a bucket has begun.
   *
   * @returns the upload that counts: another process may have been faster
   */
  async began(location: SegmentLocation, uploadId: string): Promise<string> {
    await this.#options.db
      .updateTable('staged_upload')
      .set({ upload_id: uploadId })
      .where('location', '=', location)
      .where('upload_id', '=', '')
      .execute();
    return (await this.find(location))?.upload_id ?? uploadId;
  }

  /**
   * A number for a part, before it is sent. No other part has it, also none that a process sends which does
   * not know yet that its upload continues elsewhere: so it cannot replace a part.
   *
   * @throws OxbowError `upload-too-large` if all numbers are used; UploadLostError
   */
  async takeNumber(location: SegmentLocation): Promise<number> {
    const row = await this.#options.db
      .updateTable('staged_upload')
      .set((eb) => ({ last_number: eb('last_number', '+', 1) }))
      .where('location', '=', location)
      .returning('last_number')
      .executeTakeFirst();
    if (!row) throw new UploadLostError(`${location} was discarded`);
    if (row.last_number <= MAX_NUMBER) return row.last_number;
    throw new OxbowError('upload-too-large', `A bucket takes ${MAX_NUMBER} parts of an object, and more are needed.`, {
      extra: { hint: 'Begin again with a known length, so that the parts are larger.' },
    });
  }

  /** A key for a stretch that is shorter than a part. It is deleted in a day unless `keep` gets it. */
  async planObject(target: string): Promise<string> {
    const { deletions, prefixOf } = this.#options;
    // Of a form that no list of a bucket takes for a file of the segment store.
    const key = `${startOf(prefixOf(target))}arriving/${unique()}`;
    await deletions.plan({ target, key });
    return key;
  }

  /**
   * Notes that a bucket has stretches. Objects which they replace will be deleted.
   *
   * @param db of the transaction that counts their bytes
   */
  async keep(db: Kysely<Tables>, target: string, parts: readonly StagedPart[]): Promise<void> {
    const { deletions } = this.#options;
    for (const part of parts) {
      if (part.key !== '' && !(await deletions.unplan(db, { target, key: part.key }))) {
        throw new RangeError(`the object of ${part.location} at ${part.start} was kept for too long`);
      }
      const replaced = await db
        .deleteFrom('staged_part')
        .where('location', '=', part.location)
        .where('start', '>=', part.start)
        .where('start', '<', part.start + part.length)
        .returningAll()
        .execute();
      await this.#delete(db, target, replaced);
      await db.insertInto('staged_part').values(part).execute();
    }
  }

  /**
   * Notes a part that has the bytes of stretches which are objects.
   *
   * @returns false if one of them is not there any more: then the part does not count
   */
  async join({ location, target }: StagedUpload, part: StagedPart, stretches: readonly StagedPart[]): Promise<boolean> {
    const keys = stretches.map(({ key }) => key);
    const taken = new Error('another process has joined them');
    try {
      await this.#options.db.transaction().execute(async (db) => {
        const replaced = await db
          .deleteFrom('staged_part')
          .where('location', '=', location)
          .where('key', 'in', keys)
          .returning('key')
          .execute();
        if (replaced.length !== keys.length) throw taken;
        await this.#delete(db, target, replaced);
        await db.insertInto('staged_part').values(part).execute();
      });
      return true;
    } catch (error) {
      if (error === taken) return false;
      throw error;
    }
  }

  /**
   * Makes the complete object visible.
   *
   * @throws OxbowError `data-in-use` if another process has taken what this one owns
   */
  async finish({ location, target, key }: StagedUpload, size: number, sha256: string): Promise<void> {
    const { db: whole, deletions, fence, nowMs } = this.#options;
    const held = fence();
    await whole.transaction().execute(async (db) => {
      if (!(await holdLease(db, held))) throw indexTaken();
      const parts = await db.deleteFrom('staged_part').where('location', '=', location).returningAll().execute();
      await this.#delete(db, target, parts);
      await db.deleteFrom('staged_upload').where('location', '=', location).execute();
      const before = await db.deleteFrom('stored_object').where('location', '=', location).returningAll().execute();
      await deletions.add(
        db,
        before.map((object) => ({ target: object.target, key: object.key })),
      );
      const row = { location, target, key, size, checksum: sha256, fence: held.token, local: 0 };
      await db
        .insertInto('stored_object')
        .values({ ...row, uploaded_us: Math.round(nowMs() * 1000) })
        .execute();
    });
  }

  /** Forgets an upload: what the bucket has of it will be deleted. */
  async discard(location: SegmentLocation): Promise<void> {
    await this.#options.db.transaction().execute(async (db) => {
      const parts = await db.deleteFrom('staged_part').where('location', '=', location).returningAll().execute();
      const [upload] = await db.deleteFrom('staged_upload').where('location', '=', location).returningAll().execute();
      if (!upload) return;
      await this.#delete(db, upload.target, parts);
      await this.#options.deletions.add(db, [
        { target: upload.target, key: upload.key, parts: partialOf(upload.upload_id) },
      ]);
    });
  }

  /**
   * Unfinished objects that no upload has, e.g. after a backup was restored.
   *
   * @param limit most of them
   */
  async orphans(limit: number): Promise<SegmentLocation[]> {
    const rows = await this.#options.db
      .selectFrom('staged_upload')
      .select('location')
      .where(hasNoUpload)
      .limit(limit)
      .execute();
    return rows.map(({ location }) => location as SegmentLocation);
  }

  async #delete(db: Kysely<Tables>, target: string, parts: readonly { readonly key: string }[]): Promise<void> {
    const objects = parts.filter(({ key }) => key !== '');
    await this.#options.deletions.add(
      db,
      objects.map(({ key }) => ({ target, key })),
    );
  }
}

const startOf = (prefix: string): string => (prefix === '' ? '' : `${prefix}/`);
const unique = (): string => randomBytes(9).toString('hex');

/** The parts of an upload, as their deletion needs them. */
function partialOf(uploadId: string): string {
  return uploadId === '' ? '' : JSON.stringify({ uploadId, partBytes: 0, parts: [] } satisfies PartialUpload);
}

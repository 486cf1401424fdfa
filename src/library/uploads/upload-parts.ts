/**
 * The chunks of uploads in the database: those that are on the disk.
 * In: chunks that were stored. Out: their places; the start of the file without a hole.
 */
import type { Kysely } from 'kysely';
import type { KeptBytes } from '../../archive/upload-store.ts';
import { type Fence, holdLease } from '../../store/lease-table.ts';
import type { Tables } from '../../store/schema.ts';

/** A chunk that is on the disk. */
interface StoredPart {
  readonly offset: number;
  readonly length: number;
  /** Of its bytes, as `crc32:` and 8 hexadecimal digits. */
  readonly checksum: string;
}

/** Chunks that one step of `advance` reads. */
const STEP = 1000;

/** The table `upload_part`. */
export class UploadParts {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async find(id: string, offset: number): Promise<StoredPart | undefined> {
    return this.#db
      .selectFrom('upload_part')
      .select(['offset', 'length', 'checksum'])
      .where('upload_id', '=', id)
      .where('offset', '=', offset)
      .executeTakeFirst();
  }

  /** Records a chunk that is on the disk; no effect if it was recorded before. */
  async add(id: string, part: StoredPart): Promise<void> {
    await this.#add(this.#db, id, part);
  }

  /**
   * Records a chunk together with the rows of its bytes in a bucket.
   *
   * @returns false if the lock is another's: then nothing was recorded
   */
  async addKept(id: string, part: StoredPart, kept: KeptBytes, fence: Fence): Promise<boolean> {
    return this.#db.transaction().execute(async (db) => {
      if (!(await holdLease(db, fence))) return false;
      await kept.note(db);
      await this.#add(db, id, part);
      return true;
    });
  }

  async #add(db: Kysely<Tables>, id: string, { offset, length, checksum }: StoredPart): Promise<void> {
    await db
      .insertInto('upload_part')
      .values({ upload_id: id, offset, length, checksum })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  /** Offsets of all chunks that are on the disk, in order. */
  async offsets(id: string): Promise<number[]> {
    const rows = await this.#db
      .selectFrom('upload_part')
      .select('offset')
      .where('upload_id', '=', id)
      .orderBy('offset')
      .execute();
    return rows.map(({ offset }) => offset);
  }

  /** Bytes of all chunks that are on the disk. */
  async bytes(id: string): Promise<number> {
    const { bytes } = await this.#db
      .selectFrom('upload_part')
      .select((eb) => eb.fn.sum<number | null>('length').as('bytes'))
      .where('upload_id', '=', id)
      .executeTakeFirstOrThrow();
    return Number(bytes ?? 0);
  }

  /**
   * Moves `received` over the chunks that continue it. A chunk that another request records meanwhile is
   * found here or there: each records first and looks afterwards.
   *
   * @returns where it is then
   */
  async advance(id: string, from: number): Promise<number> {
    let end = from;
    for (;;) {
      const rows = await this.#db
        .selectFrom('upload_part')
        .select(['offset', 'length'])
        .where('upload_id', '=', id)
        .where('offset', '>=', end)
        .orderBy('offset')
        .limit(STEP)
        .execute();
      const before = end;
      for (const { offset, length } of rows) {
        if (offset !== end) break;
        end += length;
      }
      if (end === before) return end;
      await this.#db
        .updateTable('upload')
        .set({ received: end })
        .where('id', '=', id)
        .where('received', '<', end)
        .execute();
    }
  }
}

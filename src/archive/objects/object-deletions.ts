/**
 * The objects to delete in buckets, a part of the index of objects: a deletion waits here until the bucket
 * has done it. It is in the database that had the row of the object, and stays there if the stream moves.
 * In: objects whose rows or intents are gone. Out: deletions whose time has come. docs/decisions/0050.
 */
import type { Kysely, Selectable } from 'kysely';
import { unlessShardLost } from '../../store/engine.ts';
import type { ObjectDeletionTable } from '../../store/objects/object-tables.ts';
import type { Tables } from '../../store/schema.ts';
import type { ObjectRows } from './object-rows.ts';

/** An object to delete. */
export type ObjectDeletion = Selectable<ObjectDeletionTable> & {
  /** Name of the shard with its row; empty: the catalogue. */
  readonly database: string;
};

/** An object without a row. */
interface DoomedObject {
  readonly target: string;
  readonly key: string;
  /** Of an upload: the parts that the server has, JSON; may be empty. Undefined: it was complete. */
  readonly parts?: string;
}

/**
 * What another process may still be writing is deleted at once and again after this time, µs. No request of
 * an upload lasts longer than minutes; a day leaves room for machines that sleep.
 */
const AGAIN_US = 86_400_000_000;

/** `again` of a deletion that was postponed. */
export const POSTPONED = 2;

/** Reads and writes the deletions. */
export class ObjectDeletions {
  readonly #rows: ObjectRows;
  readonly #nowUs: () => number;

  /** @param nowUs µs since 1970 */
  constructor(rows: ObjectRows, nowUs: () => number) {
    this.#rows = rows;
    this.#nowUs = nowUs;
  }

  /**
   * Queues objects for deletion. Those of an upload may still be arriving.
   * @param db of the transaction that removes their rows
   */
  async add(db: Kysely<Tables>, gone: readonly DoomedObject[]): Promise<void> {
    for (const object of gone) {
      const { target, key, parts = '' } = object;
      const again = object.parts === undefined ? 0 : 1;
      const row = { target, key, parts, again, due_us: this.#nowUs() };
      await db
        .insertInto('object_deletion')
        .values(row)
        .onConflict((conflict) => conflict.columns(['target', 'key']).doUpdateSet({ due_us: row.due_us, again }))
        .execute();
    }
  }

  /** Queues objects of a mirror, which have no row. Rejects with errors of the database. */
  addMirrored(target: string, keys: readonly string[]): Promise<void> {
    return this.add(
      this.#rows.catalogue,
      keys.map((key) => ({ target, key })),
    );
  }

  /** Queues objects of a mirror for a day later, which some may need until then. */
  async addLater(target: string, keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    const due_us = this.#nowUs() + AGAIN_US;
    await this.#rows.catalogue
      .insertInto('object_deletion')
      .values(keys.map((key) => ({ target, key, parts: '', again: 0, due_us })))
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  /** Postpones a deletion once. @param us from now on */
  async postpone({ target, key, database }: ObjectDeletion, us: number): Promise<void> {
    const later = { again: POSTPONED, due_us: this.#nowUs() + us };
    await this.#rows.in(database, (db) =>
      db.updateTable('object_deletion').set(later).where(matches({ target, key })).execute(),
    );
  }

  /**
   * Queues an object of the library for deletion a day later, before it is put: unless `unplan` follows, no
   * row knows it.
   */
  async plan({ target, key }: DoomedObject): Promise<void> {
    const row = { target, key, parts: '', again: 0, due_us: this.#nowUs() + AGAIN_US };
    await this.#rows.catalogue.insertInto('object_deletion').values(row).execute();
  }

  /**
   * The object has a row now.
   *
   * @param db of the transaction that adds it
   * @returns false if it is deleted already
   */
  async unplan(db: Kysely<Tables>, { target, key }: DoomedObject): Promise<boolean> {
    const { numDeletedRows } = await db
      .deleteFrom('object_deletion')
      .where(matches({ target, key }))
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }

  /** Whether the deletion of an object waits, now or for later. @param db of a transaction */
  async has(db: Kysely<Tables>, { target, key }: DoomedObject): Promise<boolean> {
    const row = await db
      .selectFrom('object_deletion')
      .select('key')
      .where('target', '=', target)
      .where('key', '=', key)
      .executeTakeFirst();
    return row !== undefined;
  }

  /** Whether the deletion of an object waits in any database, or may do so in one that does not respond. */
  async isDoomed({ target, key }: DoomedObject): Promise<boolean> {
    const all = await unlessShardLost(() => this.#rows.each(({ db }) => this.has(db, { target, key })));
    return all?.includes(true) ?? true;
  }

  /** Deletions whose time has come, oldest first. @param target of one target only */
  async due(limit: number, target?: string): Promise<ObjectDeletion[]> {
    const all = await this.#rows.eachReached(async ({ db, name }) => {
      const due = db
        .selectFrom('object_deletion')
        .selectAll()
        .where('due_us', '<=', this.#nowUs())
        .orderBy('due_us')
        .limit(limit);
      const rows = await (target === undefined ? due : due.where('target', '=', target)).execute();
      return rows.map((row) => ({ ...row, database: name }));
    });
    return all
      .flat()
      .sort((a, b) => a.due_us - b.due_us)
      .slice(0, limit);
  }

  /** The deletion of an object that waits now, or was postponed; undefined if none does. */
  async find(target: string, key: string): Promise<ObjectDeletion | undefined> {
    const all = await this.#rows.each(async ({ db, name }) => {
      const row = await db
        .selectFrom('object_deletion')
        .selectAll()
        .where(matches({ target, key }))
        .where((eb) => eb.or([eb('due_us', '<=', this.#nowUs()), eb('again', '=', POSTPONED)]))
        .executeTakeFirst();
      return row && { ...row, database: name };
    });
    return all.find((row) => row !== undefined);
  }

  /** An object was deleted; one that may be written once more is deleted again later. */
  async deleted({ target, key, again, database }: ObjectDeletion): Promise<void> {
    const at = { target, key };
    await this.#rows.in(database, (db) => {
      if (again !== 1) return db.deleteFrom('object_deletion').where(matches(at)).execute();
      const later = { again: 0, due_us: this.#nowUs() + AGAIN_US };
      return db.updateTable('object_deletion').set(later).where(matches(at)).execute();
    });
  }

  /** Number of deletions that wait, in the databases that respond. */
  async count(): Promise<number> {
    const counts = await this.#rows.eachReached(async ({ db }) => {
      const { count } = await db
        .selectFrom('object_deletion')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow();
      return count;
    });
    return counts.reduce((sum, count) => sum + count, 0);
  }
}

const matches =
  ({ target, key }: { readonly target: string; readonly key: string }) =>
  // biome-ignore lint/suspicious/noExplicitAny: the same condition for an update and a deletion
  (eb: any) =>
    eb.and([eb('target', '=', target), eb('key', '=', key)]);

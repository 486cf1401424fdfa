/**
 * The table of assets with their tags and their words of the full-text search.
 * In: records. Out: rows; each change of texts is written to all three tables in one transaction.
 */
import type { Kysely, Selectable, Transaction, Updateable } from 'kysely';
import { notElsewhere } from '../store/placed-rows.ts';
import type { AssetChunkTable, AssetRenditionTable, AssetTable as AssetRow, Tables } from '../store/schema.ts';
import { forgetTexts, putTexts } from '../store/search/asset-search.ts';
import { sortKey } from '../store/search/search-text.ts';
import { type AssetRecord, recordOf } from './asset-record.ts';

/** Columns that a new asset is written with. */
export type NewAssetRow = Omit<Selectable<AssetRow>, 'seq' | 'title_key'>;

/** A change of columns; those that depend on the title are derived. */
export type AssetChange = Omit<Updateable<AssetRow>, 'title_key' | 'changed_us'>;

/** Bytes of the originals of an owner. */
interface OwnerBytes {
  readonly owner: string;
  readonly bytes: number;
}

/** Reads and writes assets. */
export class AssetTable {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** Writes a new asset. */
  insert(row: NewAssetRow): Promise<AssetRecord> {
    return this.#db.transaction().execute(async (db) => {
      const made = await db
        .insertInto('asset')
        .values({ ...row, title_key: sortKey(row.title) })
        .returningAll()
        .executeTakeFirstOrThrow();
      await writeWords(db, made);
      return recordOf(made);
    });
  }

  /** Writes renditions with their chunk files, of an asset that is inserted next. */
  addMedia(
    renditions: readonly Selectable<AssetRenditionTable>[],
    chunks: readonly Selectable<AssetChunkTable>[],
  ): Promise<void> {
    return this.#db.transaction().execute(async (db) => {
      for (const row of renditions) await db.insertInto('asset_rendition').values(row).execute();
      for (const row of chunks) await db.insertInto('asset_chunk').values(row).execute();
    });
  }

  /** The asset of that id. */
  async find(id: string): Promise<AssetRecord | undefined> {
    const row = await this.#db.selectFrom('asset').selectAll().where('id', '=', id).executeTakeFirst();
    return row && recordOf(row);
  }

  /**
   * Changes an asset, unless it was changed since it was read.
   *
   * @returns undefined if it was
   */
  change(read: AssetRecord, change: AssetChange, nowUs: number): Promise<AssetRecord | undefined> {
    return this.#db.transaction().execute(async (db) => {
      const row = await db
        .updateTable('asset')
        .set({
          ...change,
          ...(change.title !== undefined && { title_key: sortKey(change.title) }),
          changed_us: Math.max(nowUs, read.changedUs + 1),
        })
        .where('id', '=', read.id)
        .where('changed_us', '=', read.changedUs)
        .returningAll()
        .executeTakeFirst();
      if (!row) return undefined;
      const { title, description, tags, filename } = change;
      if ([title, description, tags, filename].some((text) => text !== undefined)) await writeWords(db, row);
      return recordOf(row);
    });
  }

  /**
   * Deletes an asset with its renditions and chunks, and notes that its files are to go; false if there is
   * none.
   */
  remove(id: string, nowUs: number): Promise<boolean> {
    return this.#db.transaction().execute(async (db) => {
      const row = await db.deleteFrom('asset').where('id', '=', id).returning('seq').executeTakeFirst();
      if (!row) return false;
      await forgetWords(db, row.seq);
      await db.deleteFrom('asset_rendition').where('asset_id', '=', id).execute();
      await db.deleteFrom('asset_chunk').where('asset_id', '=', id).execute();
      await db.deleteFrom('asset_subtitle').where('asset_id', '=', id).execute();
      await db.insertInto('asset_removed').values({ id, removed_us: nowUs }).execute();
      return true;
    });
  }

  /**
   * Ids of assets that were deleted for good before `us` (since 1970) and whose files may exist; not those of
   * other nodes.
   */
  async removedBefore(us: number, node = ''): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('asset_removed')
      .select('id')
      .where('removed_us', '<=', us)
      .where(notElsewhere({ kind: 'asset', column: 'asset_removed.id' }, node))
      .execute();
    return rows.map(({ id }) => id);
  }

  /** The files of a deleted asset are gone. */
  async forgetRemoved(id: string): Promise<void> {
    await this.#db.deleteFrom('asset_removed').where('id', '=', id).execute();
  }

  /** Ids of assets that have no owner in a cluster: from before there was one. */
  async unplaced(): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('asset')
      .leftJoin('placement', (join) => join.onRef('placement.key', '=', 'asset.id').on('placement.kind', '=', 'asset'))
      .select('asset.id as id')
      .where('placement.key', 'is', null)
      .execute();
    return rows.map(({ id }) => id);
  }

  /** Assets that were moved to the trash before `us` (since 1970), at most 100; not those of other nodes. */
  async deletedBefore(us: number, node = ''): Promise<AssetRecord[]> {
    const rows = await this.#db
      .selectFrom('asset')
      .selectAll()
      .where('deleted_us', '<', us)
      .where(notElsewhere({ kind: 'asset', column: 'asset.id' }, node))
      .orderBy('deleted_us')
      .limit(100)
      .execute();
    return rows.map(recordOf);
  }

  /** Bytes of originals by owner. */
  async bytes(): Promise<OwnerBytes[]> {
    const rows = await this.#db
      .selectFrom('asset')
      .select(['owner', (eb) => eb.fn.sum<number>('bytes').as('bytes')])
      .where('bytes', 'is not', null)
      .groupBy('owner')
      .execute();
    return rows.map(({ owner, bytes }) => ({ owner, bytes: Number(bytes) }));
  }

  /** Number of assets by state; those in the trash have the state `trash`. */
  async counts(): Promise<Readonly<Record<string, number>>> {
    const rows = await this.#db
      .selectFrom('asset')
      .select([
        'state',
        (eb) => eb.fn.countAll<number>().as('count'),
        (eb) => eb.fn.count<number>('deleted_us').as('trash'),
      ])
      .groupBy('state')
      .execute();
    const counts: Record<string, number> = { uploading: 0, processing: 0, ready: 0, failed: 0, trash: 0 };
    for (const { state, count, trash } of rows) {
      counts[state] = count - trash;
      counts.trash! += trash;
    }
    return counts;
  }
}

/** Writes the tags and words of an asset in place of those that it had. */
async function writeWords(db: Transaction<Tables>, row: Selectable<AssetRow>): Promise<void> {
  const { seq, title, description, filename } = row;
  const tags = JSON.parse(row.tags) as string[];
  await forgetWords(db, seq);
  if (tags.length > 0) {
    await db
      .insertInto('asset_tag')
      .values(tags.map((tag) => ({ tag, asset_seq: seq })))
      .execute();
  }
  await putTexts(db, seq, [title, description, tags.join(' '), filename]);
}

async function forgetWords(db: Transaction<Tables>, seq: number): Promise<void> {
  await db.deleteFrom('asset_tag').where('asset_seq', '=', seq).execute();
  await forgetTexts(db, seq);
}

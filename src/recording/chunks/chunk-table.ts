/**
 * The index of chunk files: one row per sealed file, with its segments packed inside.
 * In: rows from recorder, recovery, rebuild and retention. Out: rows in the database, which `ChunkQueries`
 * reads; totals of each recording. The index can be rebuilt from the files (docs/media.md 22).
 */
import type { Insertable, Kysely, Selectable, Updateable } from 'kysely';
import { qualityRecordings, recordingOf } from '../../archive/recording-locations.ts';
import { Emitter } from '../../lib/events.ts';
import { unlessShardLost } from '../../store/engine.ts';
import { type Fence, indexTaken, valuesWhileHeld } from '../../store/lease-table.ts';
import type { ChunkFileTable, Tables } from '../../store/schema.ts';
import { changeRows, type StreamRows } from '../../store/shards/stream-rows.ts';
import { putDateRanges, type RecordedDateRange } from '../date-range-rows.ts';
import {
  type DaySums,
  NOTHING_RECORDED,
  type RecordedTotals,
  readAllTotals,
  readDays,
  readTotals,
} from '../sums/recorded-sums.ts';

/** A row as read from the database. */
export type ChunkRow = Selectable<ChunkFileTable>;

/** Totals of all streams. */
export interface AllTotals {
  /** Nothing is recorded: of a stream without a recording, and of one whose database does not respond. */
  of(streamId: string): RecordedTotals;
  /** Whether the database of a stream does not respond. */
  isLost(streamId: string): boolean;
}

/** Writes the index of all streams. */
export class ChunkTable {
  readonly #rows: StreamRows;
  /** Emits the id of the recording of each row that is added or replaced. */
  readonly sealed: Emitter<string> = new Emitter();
  /** Emits the path of each file that a recorder has written and sealed just now. */
  readonly written: Emitter<string> = new Emitter();
  /** Emits the id of each recording with a file that was written again, and whose copy is gone. */
  readonly rewritten: Emitter<string> = new Emitter();
  /** Ids of the recordings of derived qualities by stream, until a new one is added. */
  readonly #qualities = new Map<string, Promise<readonly string[]>>();

  constructor(rows: StreamRows) {
    this.#rows = rows;
  }

  /**
   * Adds a sealed file, or replaces its row.
   *
   * @param dateRanges from the data tracks of the file
   * @throws OxbowError `data-in-use` if another process has taken the data folder
   */
  async put(row: Insertable<ChunkFileTable>, dateRanges: readonly RecordedDateRange[] = []): Promise<void> {
    const { stream_id: _stream, first_msn: _first, ...changes } = row;
    const insert = async (db: Kysely<Tables>, fence: Fence | undefined) => {
      const into = db.insertInto('chunk_file');
      const columns = Object.keys(row) as (keyof ChunkFileTable)[];
      const { numInsertedOrUpdatedRows } = await (fence
        ? into.columns(columns).expression(valuesWhileHeld(db, fence, { ...row }))
        : into.values(row)
      )
        .onConflict((conflict) => conflict.columns(['stream_id', 'first_msn']).doUpdateSet(changes))
        .executeTakeFirstOrThrow();
      if (numInsertedOrUpdatedRows === 0n) throw indexTaken();
    };
    await this.#rows.write(row.stream_id, async ({ db, fence }) => {
      if (dateRanges.length === 0) return insert(db, fence);
      await db.transaction().execute(async (transaction) => {
        await insert(transaction, fence);
        await putDateRanges(transaction, row.stream_id, row.first_msn, dateRanges);
      });
    });
    this.#changed(row.stream_id);
    this.sealed.emit(row.stream_id);
  }

  /**
   * Changes columns of a file that is in the index; does nothing if it is not any more.
   *
   * @throws OxbowError `data-in-use` if another process has taken the data folder
   */
  async change(streamId: string, firstMsn: number, columns: Updateable<ChunkFileTable>): Promise<void> {
    await changeRows(this.#rows, streamId, async (db) => {
      await db
        .updateTable('chunk_file')
        .set(columns)
        .where('stream_id', '=', streamId)
        .where('first_msn', '=', firstMsn)
        .execute();
    });
    this.#changed(streamId);
  }

  #changed(id: string): void {
    const { streamId, rung } = recordingOf(id);
    if (rung !== undefined) this.#qualities.delete(streamId);
  }

  /** Ids of the recordings of a stream's derived qualities that have files in the index, in order. */
  qualitiesOf(streamId: string): Promise<readonly string[]> {
    const cached = this.#qualities.get(streamId);
    if (cached) return cached;
    const read = this.#readQualities(streamId);
    this.#qualities.set(streamId, read);
    // A failure is not cached.
    read.catch(() => this.#qualities.delete(streamId));
    return read;
  }

  async #readQualities(streamId: string): Promise<string[]> {
    const { from, to } = qualityRecordings(streamId);
    const rows = await this.#rows.read(streamId, (db) =>
      db
        .selectFrom('recorded_total')
        .select('stream_id')
        .where('stream_id', '>=', from)
        .where('stream_id', '<', to)
        .orderBy('stream_id')
        .execute(),
    );
    return rows.map((row) => row.stream_id);
  }

  /**
   * Removes files from the index.
   *
   * @param deletedBeforeUs from now on only pinned windows are kept of media that began before; µs since 1970
   * @throws OxbowError `data-in-use` if another process has taken the data folder
   */
  async remove(streamId: string, firstMsns: readonly number[], deletedBeforeUs?: number): Promise<void> {
    if (firstMsns.length === 0) return;
    await changeRows(this.#rows, streamId, async (db) => {
      if (deletedBeforeUs !== undefined) await writeDeletedBefore(db, streamId, deletedBeforeUs);
      for (const [table, column] of [
        ['chunk_file', 'first_msn'],
        ['date_range', 'file_msn'],
      ] as const) {
        await db.deleteFrom(table).where('stream_id', '=', streamId).where(column, 'in', firstMsns).execute();
      }
    });
    this.#changed(streamId);
  }

  /**
   * Of media that began before this, retention kept only pinned windows. µs since 1970; 0 if it deleted
   * nothing.
   */
  async deletedBefore(streamId: string): Promise<number> {
    const row = await this.#rows.read(streamId, (db) =>
      db.selectFrom('retention').select('deleted_before_us').where('stream_id', '=', streamId).executeTakeFirst(),
    );
    return row?.deleted_before_us ?? 0;
  }

  /** Removes all rows of a stream and its qualities before a rebuild, also how far retention has deleted. */
  async clear(streamId: string): Promise<void> {
    const { from, to } = qualityRecordings(streamId);
    await changeRows(this.#rows, streamId, async (db) => {
      for (const table of ['chunk_file', 'date_range', 'retention'] as const) {
        await db.deleteFrom(table).where('stream_id', '=', streamId).execute();
      }
      await db.deleteFrom('chunk_file').where('stream_id', '>=', from).where('stream_id', '<', to).execute();
    });
    this.#qualities.delete(streamId);
  }

  /** Drops the cached rows of a stream, whose rows another process has changed. */
  reload(streamId: string): void {
    this.#qualities.delete(streamId);
  }

  /** Totals of a stream. */
  totals(streamId: string): Promise<RecordedTotals> {
    return this.#rows.read(streamId, (db) => readTotals(db, streamId));
  }

  /** As `totals`; nothing while the shard of the stream does not respond: a list has the other streams. */
  async knownTotals(streamId: string): Promise<RecordedTotals> {
    return (await unlessShardLost(() => this.totals(streamId))) ?? NOTHING_RECORDED;
  }

  /**
   * The sums of days of a recording; days without files are not in it.
   *
   * @param startsUs starts of the days in order, and the end of the last one; quarters of an hour, µs since
   *   1970
   */
  days(recordingId: string, startsUs: readonly number[]): Promise<readonly DaySums[]> {
    return this.#rows.read(recordingId, (db) => readDays(db, recordingId, startsUs));
  }

  /** Totals of all streams whose databases respond. */
  async allTotals(): Promise<AllTotals> {
    const { results, isLost } = await this.#rows.eachReached(async ({ db }, has) =>
      [...(await readAllTotals(db))].filter(([id]) => has(id)),
    );
    const totals = new Map(results.flat());
    return { of: (streamId) => totals.get(streamId) ?? NOTHING_RECORDED, isLost };
  }
}

async function writeDeletedBefore(db: Kysely<Tables>, streamId: string, us: number): Promise<void> {
  await db
    .insertInto('retention')
    .values({ stream_id: streamId, deleted_before_us: us })
    .onConflict((conflict) =>
      conflict.column('stream_id').doUpdateSet({ deleted_before_us: us }).where('retention.deleted_before_us', '<', us),
    )
    .execute();
}

/**
 * Figures of streams in the past, packed by ten-minute windows. They exist only in the database: they are
 * backed up, not rebuilt.
 * In: packed windows of streams/measure, once a minute and when a window ends. Out: the windows of a range of
 * time.
 */
import { indexTaken, valuesWhileHeld } from '../store/lease-table.ts';
import { changeRows, type StreamRows } from '../store/shards/stream-rows.ts';
import { type PinnedRange, rangeAt } from './pinned-windows.ts';
import { windowOf } from './window.ts';

/** One window of a stream. */
export interface StatsWindow {
  /** Start of the window, µs since 1970. */
  readonly startUs: number;
  /** In the form of streams/measure/history-rows. */
  readonly packed: Uint8Array;
}

/** The figures of all streams. */
export class StatsTable {
  readonly #rows: StreamRows;

  constructor(rows: StreamRows) {
    this.#rows = rows;
  }

  /** Writes or replaces a window. */
  async write(streamId: string, { startUs, packed }: StatsWindow): Promise<void> {
    const row = { stream_id: streamId, start_us: startUs, packed };
    await this.#rows.write(streamId, async ({ db, fence }) => {
      const into = db.insertInto('stats_window');
      const { numInsertedOrUpdatedRows } = await (fence
        ? into.columns(['stream_id', 'start_us', 'packed']).expression(valuesWhileHeld(db, fence, row))
        : into.values(row)
      )
        .onConflict((conflict) => conflict.columns(['stream_id', 'start_us']).doUpdateSet({ packed }))
        .executeTakeFirstOrThrow();
      if (numInsertedOrUpdatedRows === 0n) throw indexTaken();
    });
  }

  /** The windows that overlap [fromUs, toUs), oldest first. */
  async between(streamId: string, fromUs: number, toUs: number): Promise<StatsWindow[]> {
    const rows = await this.#rows.read(streamId, (db) =>
      db
        .selectFrom('stats_window')
        .select(['start_us', 'packed'])
        .where('stream_id', '=', streamId)
        .where('start_us', '>=', windowOf(fromUs))
        .where('start_us', '<', toUs)
        .orderBy('start_us')
        .execute(),
    );
    return rows.map(({ start_us, packed }) => ({ startUs: start_us, packed }));
  }

  /** Deletes the windows before `beforeUs`, except pinned ones. */
  async removeBefore(streamId: string, beforeUs: number, pinned: readonly PinnedRange[]): Promise<void> {
    const rows = await this.#rows.read(streamId, (db) =>
      db
        .selectFrom('stats_window')
        .select('start_us')
        .where('stream_id', '=', streamId)
        .where('start_us', '<', windowOf(beforeUs))
        .orderBy('start_us')
        .execute(),
    );
    const gone = rows.filter((row) => !rangeAt(pinned, row.start_us));
    if (gone.length === 0) return;
    await changeRows(this.#rows, streamId, async (db) => {
      for (const { start_us } of gone) {
        await db
          .deleteFrom('stats_window')
          .where('stream_id', '=', streamId)
          .where('start_us', '=', start_us)
          .execute();
      }
    });
  }

  /** Deletes all windows of a stream. */
  async clear(streamId: string): Promise<void> {
    await changeRows(this.#rows, streamId, async (db) => {
      await db.deleteFrom('stats_window').where('stream_id', '=', streamId).execute();
    });
  }
}

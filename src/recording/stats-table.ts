/**
 * Figures of streams in the past, packed by ten-minute windows. They exist only in the database: they are
 * backed up, not rebuilt.
 * In: packed windows of streams/measure, once a minute and when a window ends. Out: the windows of a range of
 * time.
 */
import type { Kysely } from 'kysely';
import type { Tables } from '../store/schema.ts';
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
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** Writes or replaces a window. */
  async write(streamId: string, { startUs, packed }: StatsWindow): Promise<void> {
    await this.#db
      .insertInto('stats_window')
      .values({ stream_id: streamId, start_us: startUs, packed })
      .onConflict((conflict) => conflict.columns(['stream_id', 'start_us']).doUpdateSet({ packed }))
      .execute();
  }

  /** The windows that overlap [fromUs, toUs), oldest first. */
  async between(streamId: string, fromUs: number, toUs: number): Promise<StatsWindow[]> {
    const rows = await this.#db
      .selectFrom('stats_window')
      .select(['start_us', 'packed'])
      .where('stream_id', '=', streamId)
      .where('start_us', '>=', windowOf(fromUs))
      .where('start_us', '<', toUs)
      .orderBy('start_us')
      .execute();
    return rows.map(({ start_us, packed }) => ({ startUs: start_us, packed }));
  }

  /** Deletes the windows before `beforeUs`, except pinned ones. */
  async removeBefore(streamId: string, beforeUs: number, pinned: readonly PinnedRange[]): Promise<void> {
    const rows = await this.#db
      .selectFrom('stats_window')
      .select('start_us')
      .where('stream_id', '=', streamId)
      .where('start_us', '<', windowOf(beforeUs))
      .orderBy('start_us')
      .execute();
    for (const { start_us } of rows.filter((row) => !rangeAt(pinned, row.start_us))) {
      await this.#db
        .deleteFrom('stats_window')
        .where('stream_id', '=', streamId)
        .where('start_us', '=', start_us)
        .execute();
    }
  }
}

/**
 * Remembers what was tried for gaps of streams, so that a restart continues with the same pauses.
 * In: attempts. Out: rows of the database of the stream.
 */
import { changeRows, type StreamRows } from '../../store/shards/stream-rows.ts';

/** `waiting`: it is tried again; `partly`: only a part was found; `lost`: no source has it. */
export type HealingState = 'waiting' | 'healed' | 'partly' | 'lost';

/** What is known of a gap. Times are µs since 1970. */
export interface GapRecord {
  readonly fromUs: number;
  readonly toUs: number;
  readonly state: HealingState;
  readonly attempts: number;
  /** 0: it is not tried again. */
  readonly nextUs: number;
  /** Why it is not healed, or not all of it. */
  readonly reason: string;
  /** Found media, µs. */
  readonly healedUs: number;
  /** Hash of the addresses that were asked last; empty: none were. */
  readonly sources: string;
}

/** Gaps that one query reads. */
const MOST = 2000;

/** The rows of all streams. */
export class GapTable {
  readonly #rows: StreamRows;

  constructor(rows: StreamRows) {
    this.#rows = rows;
  }

  /** The gaps that overlap [fromUs, toUs), oldest first. */
  async between(streamId: string, fromUs: number, toUs: number): Promise<readonly GapRecord[]> {
    const gaps: GapRecord[] = [];
    for (;;) {
      const page = await this.#page(streamId, fromUs, toUs, gaps.at(-1)?.fromUs ?? Number.MIN_SAFE_INTEGER);
      gaps.push(...page);
      if (page.length < MOST) return gaps;
    }
  }

  /** At most 2000 of them, those that begin after `afterUs`. */
  async #page(streamId: string, fromUs: number, toUs: number, afterUs: number): Promise<readonly GapRecord[]> {
    const rows = await this.#rows.read(streamId, (db) =>
      db
        .selectFrom('gap_healing')
        .selectAll()
        .where('stream_id', '=', streamId)
        .where('from_us', '<', toUs)
        .where('from_us', '>', afterUs)
        .where('to_us', '>', fromUs)
        .orderBy('from_us')
        .limit(MOST)
        .execute(),
    );
    return rows.map((row) => ({
      fromUs: row.from_us,
      toUs: row.to_us,
      state: row.state as HealingState,
      attempts: row.attempts,
      nextUs: row.next_us,
      reason: row.reason,
      healedUs: row.healed_us,
      sources: row.sources,
    }));
  }

  /** @throws OxbowError `data-in-use` if another process has the stream */
  async put(streamId: string, gap: GapRecord): Promise<void> {
    const { fromUs, toUs, state, attempts, nextUs, reason, healedUs, sources } = gap;
    const values = { to_us: toUs, state, attempts, next_us: nextUs, reason, healed_us: healedUs, sources };
    await changeRows(this.#rows, streamId, async (db) => {
      await db
        .insertInto('gap_healing')
        .values({ stream_id: streamId, from_us: fromUs, ...values })
        .onConflict((conflict) => conflict.columns(['stream_id', 'from_us']).doUpdateSet(values))
        .execute();
    });
  }

  /** Gaps that end before `us` (since 1970) wait no longer: they are too old. */
  async endBefore(streamId: string, us: number): Promise<void> {
    const isWaiting = await this.#rows.read(streamId, (db) =>
      db
        .selectFrom('gap_healing')
        .select('from_us')
        .where('stream_id', '=', streamId)
        .where('to_us', '<=', us)
        .where('state', '=', 'waiting')
        .limit(1)
        .executeTakeFirst(),
    );
    if (!isWaiting) return;
    await changeRows(this.#rows, streamId, async (db) => {
      await db
        .updateTable('gap_healing')
        .set((eb) => ({
          state: eb.case().when('healed_us', '>', 0).then('partly').else('lost').end(),
          next_us: 0,
        }))
        .where('stream_id', '=', streamId)
        .where('to_us', '<=', us)
        .where('state', '=', 'waiting')
        .execute();
    });
  }

  /** Forgets gaps before `us` (since 1970): retention has deleted what was around them. */
  async removeBefore(streamId: string, us: number): Promise<void> {
    await changeRows(this.#rows, streamId, async (db) => {
      await db.deleteFrom('gap_healing').where('stream_id', '=', streamId).where('to_us', '<=', us).execute();
    });
  }
}

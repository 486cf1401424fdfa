/**
 * Past events that are sent to webhooks again: how far each has come, so that a restart continues.
 * In: the log of events, the wishes of administrators. Out: deliveries that wait.
 */
import type { Kysely } from 'kysely';
import type { PublishedEvent } from '../cluster/bus/event-bus.ts';
import type { Tables } from '../store/schema.ts';

/** A replay. Positions are those of the log of events. */
export interface Replay {
  /** Events up to here were taken. */
  readonly after: number;
  /** The last event that is taken. */
  readonly until: number;
}

/** The replays in the store. */
export class ReplayTable {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** Begins a replay, in place of one that is in progress. */
  async put(id: string, { after, until }: Replay): Promise<void> {
    const row = { after_seq: after, until_seq: until };
    await this.#db
      .insertInto('webhook_replay')
      .values({ webhook_id: id, ...row })
      .onConflict((conflict) => conflict.column('webhook_id').doUpdateSet(row))
      .execute();
  }

  /** The replay of a webhook. */
  async get(id: string): Promise<Replay | undefined> {
    const row = await this.#db.selectFrom('webhook_replay').selectAll().where('webhook_id', '=', id).executeTakeFirst();
    return row && { after: row.after_seq, until: row.until_seq };
  }

  /** Webhooks with a replay in progress. */
  async all(): Promise<ReadonlySet<string>> {
    const rows = await this.#db.selectFrom('webhook_replay').select('webhook_id').execute();
    return new Set(rows.map(({ webhook_id }) => webhook_id));
  }

  /** Ends a replay. */
  async remove(id: string): Promise<void> {
    await this.#db.deleteFrom('webhook_replay').where('webhook_id', '=', id).execute();
  }

  /**
   * Adds deliveries of events and notes how far the replay has come, both or neither.
   *
   * @param replay as it was read; another node that has moved it meanwhile has added these deliveries
   * @param nowMs ms since 1970
   * @returns whether the deliveries were added
   */
  take(
    id: string,
    replay: Replay,
    {
      events,
      position,
      nowMs,
    }: { readonly events: readonly PublishedEvent[]; readonly position: number; readonly nowMs: number },
  ): Promise<boolean> {
    const now = Math.round(nowMs * 1000);
    return this.#db.transaction().execute(async (transaction) => {
      const { numUpdatedRows } = await transaction
        .updateTable('webhook_replay')
        .set({ after_seq: position })
        .where('webhook_id', '=', id)
        .where('after_seq', '=', replay.after)
        .where('until_seq', '=', replay.until)
        .executeTakeFirst();
      if (numUpdatedRows === 0n) return false;
      if (events.length > 0) {
        const deliveries = events.map(({ event, json }) => ({
          webhook_id: id,
          event_id: event.id,
          type: event.type,
          body: json,
          state: 'waiting',
          tries: 0,
          next_us: now,
          status: null,
          error: '',
          created_us: now,
          ended_us: null,
        }));
        await transaction.insertInto('webhook_delivery').values(deliveries).execute();
      }
      if (position >= replay.until) {
        await transaction.deleteFrom('webhook_replay').where('webhook_id', '=', id).execute();
      }
      return true;
    });
  }
}

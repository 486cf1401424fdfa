/**
 * Weekly reports in the metadata store: each is sent once, by one node.
 * In: the end of a week. Out: whether this node sends its report.
 */
import type { Kysely } from 'kysely';
import type { Tables } from '../../store/schema.ts';

/** A node that has not finished a report in this time has ended: another one sends it, ms. */
const TAKEN_MS = 600_000;
/** Rows are kept for this long, ms. */
const KEEP_MS = 90 * 86_400_000;

/** What is known of a report: this node sends it, another one does, or it was sent. */
type Claim = 'own' | 'other' | 'sent';

/** The reports of all nodes. Times are unix milliseconds. */
export class SentReports {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /**
   * Takes the report about the week until `toMs`, unless it was sent or a node sends it now.
   *
   * @param nowMs by clocks of nodes that agree within minutes
   */
  async claim(toMs: number, nowMs: number): Promise<Claim> {
    const to = us(toMs);
    const claimed = await this.#db
      .insertInto('report')
      .values({ to_us: to, claimed_us: us(nowMs), sent_us: null })
      .onConflict((conflict) =>
        conflict
          .column('to_us')
          .doUpdateSet((eb) => ({ claimed_us: eb.ref('excluded.claimed_us') }))
          .where('report.sent_us', 'is', null)
          .where('report.claimed_us', '<=', us(nowMs - TAKEN_MS)),
      )
      .returning('to_us')
      .executeTakeFirst();
    if (claimed) return 'own';
    const row = await this.#db.selectFrom('report').select('sent_us').where('to_us', '=', to).executeTakeFirst();
    return row && row.sent_us !== null ? 'sent' : 'other';
  }

  /** Notes that a report was sent, and removes old rows. */
  async sent(toMs: number, nowMs: number): Promise<void> {
    await this.#db
      .updateTable('report')
      .set({ sent_us: us(nowMs) })
      .where('to_us', '=', us(toMs))
      .execute();
    await this.#db
      .deleteFrom('report')
      .where('to_us', '<', us(nowMs - KEEP_MS))
      .execute();
  }

  /** Gives a report back that could not be sent: the next try may take it at once. */
  async release(toMs: number): Promise<void> {
    await this.#db.deleteFrom('report').where('to_us', '=', us(toMs)).where('sent_us', 'is', null).execute();
  }
}

function us(ms: number): number {
  return Math.round(ms * 1000);
}

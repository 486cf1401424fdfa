/**
 * Marks in the log of past events where a promoted database begins: the lost primary may have had events
 * after it, whose positions are given to others from here on.
 * In: the promoted database. Out: another name of the log, and a row behind which events are missing.
 * docs/decisions/0098, docs/decisions/0099.
 */
import type { Kysely } from 'kysely';
import type { OxbowEvent } from '../../api/events.ts';
import { printRfc3339 } from '../../api/instant.ts';
import { eventId, firstPosition } from '../../cluster/bus/event-ring.ts';
import type { Tables } from '../schema.ts';
import { LOG_TIME_DIGITS } from './event-cursor.ts';
import { sizeOf } from './event-writer.ts';

/**
 * Has cursors from before refused, and replays over the promotion are resets: the clients read the state
 * again. The row in place of the lost events says what has happened to all processes.
 *
 * @param nowMs of the promotion, ms since 1970
 */
export async function markLoss(db: Kysely<Tables>, nowMs: number): Promise<void> {
  const { boot, last: number } = firstPosition(nowMs);
  const id = eventId(boot, number);
  const event: OxbowEvent = { id, type: 'server.ending', at: printRfc3339(nowMs), stream: null, data: {} };
  const body = JSON.stringify(event);
  await db.transaction().execute(async (transaction) => {
    const head = await transaction
      .updateTable('event_log_head')
      .set((eb) => ({ last: eb('last', '+', 1), bytes: eb('bytes', '+', sizeOf(body)) }))
      .where('id', '=', 1)
      .returning(['log', 'last'])
      .executeTakeFirst();
    if (!head) return; // no event was ever stored
    const log = `${head.log.slice(0, LOG_TIME_DIGITS)}${boot}`;
    await transaction.updateTable('event_log_head').set({ log }).where('id', '=', 1).execute();
    await transaction
      .insertInto('event_log')
      .values({
        seq: head.last,
        event_id: id,
        node: '',
        at_us: nowMs * 1000,
        type: event.type,
        stream: null,
        audience: 'anyone',
        body,
        size: sizeOf(body),
        lost: 1,
      })
      .execute();
  });
}

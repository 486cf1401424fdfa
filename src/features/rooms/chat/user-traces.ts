/**
 * The ids of a user in stored messages of others: reactions and mentions.
 * In: a user whose account was deleted, or a guest who has an account now. Out: changed rows, room by room.
 */
import type { Kysely } from 'kysely';
import type { RoomMessage } from '../../../api/room/messages.ts';
import type { Tables } from '../../../store/schema.ts';
import { extraOf } from './message-row.ts';
import { withUserReplaced } from './reactions.ts';

/**
 * Puts another user in the place of one in reactions and mentions.
 *
 * @param by undefined: no one
 * @param rooms ids; undefined: all rooms
 */
export async function replaceTraces(
  db: Kysely<Tables>,
  user: string,
  by: { readonly id: string; readonly name: string } | undefined,
  rooms?: readonly string[],
): Promise<void> {
  const ids = rooms ?? (await db.selectFrom('room').select('id').execute()).map(({ id }) => id);
  // One room at a time: others write in between.
  for (const room_id of ids) {
    const rows = await db
      .selectFrom('room_message')
      .select(['seq', 'extra'])
      .where('room_id', '=', room_id)
      .where('extra', 'like', `%"${user}"%`) // `_` in an id matches any character: the message decides
      .execute();
    for (const { seq, extra } of rows) {
      const message = { author: '', ...(JSON.parse(extra) as object) } as RoomMessage;
      const changed = withUserReplaced(message, user, by);
      if (changed === message) continue;
      await db
        .updateTable('room_message')
        .set({ extra: extraOf(changed) })
        .where('room_id', '=', room_id)
        .where('seq', '=', seq)
        .where('extra', '=', extra) // otherwise it was just written from memory, where the user is replaced already
        .execute();
    }
  }
}

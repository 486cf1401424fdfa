/**
 * The table of polls.
 * In: polls of room-polls.ts. Out: rows as they are used.
 */
import type { Kysely } from 'kysely';
import { runAll } from '../../../store/engine.ts';
import type { Tables } from '../../../store/schema.ts';
import { RoomGuard } from '../cluster/room-guard.ts';
import type { RoomPollTable } from '../tables.ts';

const COLUMNS = [
  ...(['id', 'room_id', 'created_by', 'question', 'choices', 'multiple'] as const),
  ...(['votes', 'created_us', 'closed_us'] as const),
] satisfies (keyof RoomPollTable)[];

/** A poll with its votes. */
export interface StoredPoll {
  readonly id: string;
  readonly roomId: string;
  /** Id of the user; empty: the account was deleted. */
  readonly by: string;
  readonly question: string;
  readonly choices: readonly string[];
  readonly multiple: boolean;
  /** Indexes of choices by user id. */
  readonly votes: Map<string, readonly number[]>;
  readonly createdUs: number;
  closedUs: number | null;
}

/** Reads and writes polls. */
export class PollTable {
  readonly #db: Kysely<Tables>;
  readonly #guard: RoomGuard;
  readonly #put: string;

  /**
   * @param node name of this node in a cluster, which writes only in rooms that it owns: others throw
   *   `room-moved`
   */
  constructor(db: Kysely<Tables>, node?: string) {
    this.#db = db;
    this.#guard = new RoomGuard(db, node);
    this.#put = `INSERT INTO room_poll (${COLUMNS.join(', ')}) ${this.#guard.values(COLUMNS.length)}
  ON CONFLICT (id) DO UPDATE SET votes = excluded.votes, closed_us = excluded.closed_us`;
  }

  /** The polls of a room, oldest first. */
  async of(roomId: string): Promise<StoredPoll[]> {
    const rows = await this.#db
      .selectFrom('room_poll')
      .selectAll()
      .where('room_id', '=', roomId)
      .orderBy('created_us')
      .orderBy('id')
      .execute();
    return rows.map((row) => ({
      id: row.id,
      roomId,
      by: row.created_by,
      question: row.question,
      choices: JSON.parse(row.choices) as string[],
      multiple: row.multiple === 1,
      votes: new Map(Object.entries(JSON.parse(row.votes) as Record<string, number[]>)),
      createdUs: row.created_us,
      closedUs: row.closed_us,
    }));
  }

  /** Writes a poll, or its votes and state. */
  async put(poll: StoredPoll): Promise<void> {
    const { id, roomId, by, question, choices, multiple, votes, createdUs, closedUs } = poll;
    const row = [
      ...[id, roomId, by, question, JSON.stringify(choices), multiple ? 1 : 0],
      ...[JSON.stringify(Object.fromEntries(votes)), createdUs, closedUs],
      ...this.#guard.parameters(roomId),
    ];
    const [unchanged] = await runAll(this.#db, [{ sql: this.#put, rows: [row] }]);
    this.#guard.check(roomId, unchanged!.length === 0);
  }

  /** Deletes a poll. */
  async remove(room: string, id: string): Promise<void> {
    const sql = `DELETE FROM room_poll WHERE id = ?${this.#guard.and}`;
    const [unchanged] = await runAll(this.#db, [{ sql, rows: [[id, ...this.#guard.parameters(room)]] }]);
    this.#guard.check(room, unchanged!.length === 0);
  }

  /**
   * Puts another user in the place of one, as author and voter.
   *
   * @param by undefined: no one, and the vote no longer counts
   * @param rooms ids of those that are searched; undefined: all
   */
  async replaceUser(user: string, by: string | undefined, rooms?: readonly string[]): Promise<void> {
    if (rooms?.length === 0) return;
    const rows = await this.#db
      .selectFrom('room_poll')
      .select(['id', 'created_by', 'votes'])
      // `_` in an id matches any character: the votes decide.
      .where((where) => where.or([where('created_by', '=', user), where('votes', 'like', `%"${user}"%`)]))
      .$if(rooms !== undefined, (query) => query.where('room_id', 'in', rooms ?? []))
      .execute();
    for (const { id, created_by, votes: stored } of rows) {
      const votes = new Map(Object.entries(JSON.parse(stored) as Record<string, number[]>));
      const changed = withVoterReplaced({ by: created_by, votes }, user, by);
      await this.#db
        .updateTable('room_poll')
        .set({ created_by: changed.by, votes: JSON.stringify(Object.fromEntries(changed.votes)) })
        .where('id', '=', id)
        .execute();
    }
  }
}

/**
 * Puts another user in the place of one. Of two votes that of the other user counts.
 *
 * @param by undefined: no one
 * @returns the same poll if the user is not in it
 */
export function withVoterReplaced<P extends Pick<StoredPoll, 'by' | 'votes'>>(
  poll: P,
  user: string,
  by: string | undefined,
): P {
  const vote = poll.votes.get(user);
  if (vote === undefined && poll.by !== user) return poll;
  const votes = new Map(poll.votes);
  votes.delete(user);
  if (vote !== undefined && by !== undefined && !votes.has(by)) votes.set(by, vote);
  return { ...poll, votes, by: poll.by === user ? (by ?? '') : poll.by };
}

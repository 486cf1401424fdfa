/**
 * The table of messages of all rooms.
 * In: batches of the writer, questions of rooms and of the API. Out: rows.
 */
import type { Kysely } from 'kysely';
import type { ItemTarget } from '../../../api/room/item-shapes.ts';
import type { RoomMessage } from '../../../api/room/messages.ts';
import type { PinnedRange } from '../../../recording/pinned-windows.ts';
import { type Parameter, type RepeatedStatement, runAll } from '../../../store/engine.ts';
import type { Tables } from '../../../store/schema.ts';
import { RoomGuard } from '../cluster/room-guard.ts';
import { type MessageRow, messageOf, stampOf } from './message-row.ts';

const COLUMNS = [
  ...(['room_id', 'seq', 'client_id', 'author', 'author_name', 'kind', 'text', 'reply_to', 'stream_id'] as const),
  ...(['asset_id', 'item_id', 'media_us', 'extra', 'sent_us', 'deleted_us'] as const),
] satisfies (keyof MessageRow)[];
/** The index of numbers has the kind between room and number: a question without a kind names them all. */
const KINDS = ['chat', 'danmaku', 'notice'] as const satisfies readonly RoomMessage['kind'][];
const INSERT = `INSERT INTO room_message (${COLUMNS.join(', ')})`;
const MARK = 'UPDATE room SET message_seq = ? WHERE id = ?';
const CHANGE = `UPDATE room_message SET text = ?, extra = ?, deleted_us = ?
  WHERE room_id = ? AND seq = ? AND kind IN (${KINDS.map((kind) => `'${kind}'`).join(', ')})`;

/** A change of a message that is stored. */
export interface MessageChange {
  readonly roomId: string;
  readonly seq: number;
  readonly text: string;
  readonly extra: string;
  readonly deletedUs: number | null;
}

/** The writes of one transaction. */
export interface MessageBatch {
  readonly rows: readonly MessageRow[];
  /** Applied after the rows. */
  readonly changes: readonly MessageChange[];
  /** Highest number that a room may use from now on, by room. */
  readonly marks: ReadonlyMap<string, number>;
}

/** Rows of a batch that were not written as they are. */
interface BatchResult {
  /** Rows that were stored before, as `keyOfRow`, with the number of the message that is stored. */
  readonly repeated: ReadonlyMap<string, number>;
  /** Ids of rooms that this node does not own: nothing of them was written. */
  readonly moved: ReadonlySet<string>;
}

/** The place of a message in its media; pages continue after it. */
interface MediaPlace {
  /** µs. */
  readonly atUs: number;
  readonly seq: number;
}

/** A stretch of media. */
export interface ReplayStretch {
  /** µs: [fromUs, toUs). */
  readonly fromUs: number;
  readonly toUs: number;
  readonly after?: MediaPlace | undefined;
  readonly limit: number;
}

/** Messages that were written to media. */
interface ReplayQuery extends ReplayStretch {
  readonly roomId: string;
  /** The media: a stream, an asset, or another item. */
  readonly of: { readonly streamId: string } | { readonly assetId: string } | { readonly item: string };
}

/** Reads and writes messages. */
export class MessageTable {
  readonly #db: Kysely<Tables>;
  readonly #guard: RoomGuard;
  readonly #unguarded: RoomGuard;

  /** @param node name of this node in a cluster, which writes only in rooms that it owns */
  constructor(db: Kysely<Tables>, node?: string) {
    this.#db = db;
    this.#guard = new RoomGuard(db, node);
    this.#unguarded = new RoomGuard(db);
  }

  /**
   * Writes a batch in one transaction. A row whose author has used its client id in the room before is left
   * out.
   */
  async write(batch: MessageBatch): Promise<BatchResult> {
    const { rows, changes, marks } = batch;
    const hold = this.#guard.isOn
      ? this.#guard.hold(new Set([...rows.map((row) => row.room_id), ...marks.keys(), ...roomsOf(changes)]))
      : undefined;
    if (!hold) return this.#write(batch, this.#guard);
    try {
      return await this.#write(batch, this.#unguarded, [hold]);
    } catch (error) {
      if (!this.#guard.isNotHeld(error)) throw error;
      return this.#write(batch, this.#guard);
    }
  }

  async #write(
    { rows, changes, marks }: MessageBatch,
    guard: RoomGuard,
    first: readonly RepeatedStatement[] = [],
  ): Promise<BatchResult> {
    const owned = (room: string) => guard.parameters(room);
    const marked = [...marks];
    const unchanged = await runAll(this.#db, [
      ...first,
      { sql: `${MARK}${guard.and}`, rows: marked.map(([roomId, seq]) => [seq, roomId, ...owned(roomId)]) },
      {
        sql: `${INSERT} ${guard.values(COLUMNS.length)} ON CONFLICT DO NOTHING`,
        rows: rows.map((row) => parametersOf(row, owned(row.room_id))),
      },
      {
        sql: `${CHANGE}${guard.and}`,
        rows: changes.map(({ roomId, seq, text, extra, deletedUs }) => [
          ...[text, extra, deletedUs, roomId, seq],
          ...owned(roomId),
        ]),
      },
    ]);
    const [unmarked, left] = unchanged.slice(first.length);
    const repeated = new Map<string, number>();
    const moved = new Set<string>();
    if (guard.isOn) for (const index of unmarked!) moved.add(marked[index]![0]);
    for (const index of left!) {
      const row = rows[index]!;
      const stored = await this.findSent(row.room_id, row.author, row.client_id);
      if (stored === undefined && guard.isOn) moved.add(row.room_id);
      else repeated.set(keyOfRow(row), stored ?? row.seq);
    }
    return { repeated, moved };
  }

  /** The highest number that a room may have used; 0 for a new one. */
  async mark(roomId: string): Promise<number> {
    const room = await this.#db.selectFrom('room').select('message_seq').where('id', '=', roomId).executeTakeFirst();
    const ofKind = (kind: RoomMessage['kind']) =>
      this.#db
        .selectFrom('room_message')
        .select((eb) => eb.fn.max('seq').as('seq'))
        .where('room_id', '=', roomId)
        .where('kind', '=', kind)
        .executeTakeFirst();
    const last = await Promise.all(KINDS.map(ofKind));
    return Math.max(room?.message_seq ?? 0, ...last.map((row) => row?.seq ?? 0));
  }

  /** The newest messages of a kind before a number, oldest first. */
  async before(roomId: string, seq: number, limit: number, kind: 'chat' | 'danmaku'): Promise<RoomMessage[]> {
    const rows = await this.#db
      .selectFrom('room_message')
      .selectAll()
      .where('room_id', '=', roomId)
      .where('seq', '<', seq)
      .where('kind', '=', kind)
      .orderBy('seq', 'desc')
      .limit(limit)
      .execute();
    return rows.reverse().map(messageOf);
  }

  /** One message. */
  async find(roomId: string, seq: number): Promise<RoomMessage | undefined> {
    const row = await this.#db
      .selectFrom('room_message')
      .selectAll()
      .where('room_id', '=', roomId)
      .where('seq', '=', seq)
      .where('kind', 'in', KINDS)
      .executeTakeFirst();
    return row && messageOf(row);
  }

  /** Number of the message that an author's client sent under an id. */
  async findSent(roomId: string, author: string, id: string): Promise<number | undefined> {
    const row = await this.#db
      .selectFrom('room_message')
      .select('seq')
      .where('room_id', '=', roomId)
      .where('author', '=', author)
      .where('author', '<>', '') // SQLite uses a partial index only if the query repeats its condition
      .where('client_id', '=', id)
      .executeTakeFirst();
    return row?.seq;
  }

  /** Messages of a stretch of media in its order, without those that were deleted. */
  async between({ roomId, of, fromUs, toUs, after, limit }: ReplayQuery): Promise<RoomMessage[]> {
    let query = this.#db
      .selectFrom('room_message')
      .selectAll()
      .where('room_id', '=', roomId)
      .where('media_us', '>=', Math.max(fromUs, after?.atUs ?? fromUs))
      .where('media_us', '<', toUs)
      .where('deleted_us', 'is', null)
      .orderBy('media_us')
      .orderBy('seq')
      .limit(limit);
    if ('streamId' in of) query = query.where('stream_id', '=', of.streamId);
    else if ('assetId' in of) query = query.where('asset_id', '=', of.assetId);
    else query = query.where('item_id', '=', of.item).where('stream_id', 'is', null).where('asset_id', 'is', null);
    if (after) query = query.where((eb) => eb.or([eb('media_us', '>', after.atUs), eb('seq', '>', after.seq)]));
    return (await query.execute()).map(messageOf);
  }

  /**
   * The media of an entry of a playlist, as messages are stamped with it.
   *
   * @param streamIdOf id of the stream of a name
   */
  async mediaOf(
    roomId: string,
    item: string,
    streamIdOf: (name: string) => string | undefined,
  ): Promise<ReplayQuery['of']> {
    const row = await this.#db
      .selectFrom('room_item')
      .select('target')
      .where('id', '=', item)
      .where('room_id', '=', roomId)
      .executeTakeFirst();
    const stamp = row ? stampOf(JSON.parse(row.target) as ItemTarget, streamIdOf) : {};
    if (stamp.streamId !== undefined) return { streamId: stamp.streamId };
    return stamp.assetId === undefined ? { item } : { assetId: stamp.assetId };
  }

  /** Messages of an author in all rooms, in order of room and number. */
  ofAuthor(
    author: string,
    after: { readonly roomId: string; readonly seq: number },
    limit: number,
  ): Promise<MessageRow[]> {
    return this.#db
      .selectFrom('room_message')
      .selectAll()
      .where('author', '=', author)
      .where('author', '<>', '')
      .where((eb) =>
        eb.or([
          eb('room_id', '>', after.roomId),
          eb.and([eb('room_id', '=', after.roomId), eb('seq', '>', after.seq)]),
        ]),
      )
      .orderBy('room_id')
      .orderBy('seq')
      .limit(limit)
      .execute();
  }

  /**
   * Puts another user in the place of an author; undefined: no one, the messages stay without an author. A
   * message whose client id the other user has used in the same room stays as it is.
   */
  async changeAuthor(author: string, by?: { readonly id: string; readonly name: string }): Promise<void> {
    let update = this.#db
      .updateTable('room_message')
      .set({ author: by?.id ?? '', author_name: by?.name ?? '' })
      .where('author', '=', author)
      .where('author', '<>', ''); // SQLite uses a partial index only if the query repeats its condition
    if (by) {
      update = update.where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('room_message as other')
              .select('other.seq')
              .where('other.author', '=', by.id)
              .where('other.author', '<>', '')
              .whereRef('other.room_id', '=', 'room_message.room_id')
              .whereRef('other.client_id', '=', 'room_message.client_id'),
          ),
        ),
      );
    }
    await update.execute();
  }

  /**
   * Deletes messages written to media of a stream before `beforeUs` (since 1970) that are not pinned, in
   * rooms that do not keep their chat.
   *
   * @returns numbers of the messages by room
   */
  async removeBefore(
    streamId: string,
    beforeUs: number,
    pinned: readonly PinnedRange[],
  ): Promise<ReadonlyMap<string, readonly number[]>> {
    const gone = new Map<string, readonly number[]>();
    const keeping = new Set((await this.#keepingRooms().execute()).map(({ id }) => id));
    // One seek of the index for each room: the messages that stay are not read.
    for (
      let room_id = await this.#roomAfter(streamId, '');
      room_id;
      room_id = await this.#roomAfter(streamId, room_id)
    ) {
      if (keeping.has(room_id)) continue;
      const seqs: number[] = [];
      for (const { fromUs, toUs } of stretchesWithout(pinned, beforeUs)) {
        const rows = await this.#db
          .deleteFrom('room_message')
          .where('stream_id', '=', streamId)
          .where('room_id', '=', room_id)
          .where('media_us', '>=', fromUs)
          .where('media_us', '<', toUs)
          .returning('seq')
          .execute();
        for (const { seq } of rows) seqs.push(seq);
      }
      if (seqs.length > 0) gone.set(room_id, seqs);
    }
    return gone;
  }

  /**
   * Deletes messages written to assets that were deleted for good, in rooms that do not keep their chat.
   *
   * @returns numbers of the messages by room
   */
  async removeOfLostAssets(): Promise<ReadonlyMap<string, readonly number[]>> {
    const rows = await this.#db
      .deleteFrom('room_message')
      .where('asset_id', 'is not', null)
      .where('asset_id', 'not in', this.#db.selectFrom('asset').select('id'))
      .where('room_id', 'not in', this.#keepingRooms())
      .returning(['room_id', 'seq'])
      .execute();
    const gone = new Map<string, number[]>();
    for (const { room_id, seq } of rows) {
      const seqs = gone.get(room_id) ?? [];
      seqs.push(seq);
      gone.set(room_id, seqs);
    }
    return gone;
  }

  /** Id of the next room with messages to a stream. */
  async #roomAfter(streamId: string, roomId: string): Promise<string | undefined> {
    const row = await this.#db
      .selectFrom('room_message')
      .select('room_id')
      .where('stream_id', '=', streamId)
      .where('room_id', '>', roomId)
      .orderBy('room_id')
      .limit(1)
      .executeTakeFirst();
    return row?.room_id;
  }

  #keepingRooms() {
    return this.#db.selectFrom('room').select('id').where('keep_chat', '=', 1);
  }
}

/** The values of `COLUMNS`, and those of the condition. */
function parametersOf(row: MessageRow, owned: readonly Parameter[]): readonly Parameter[] {
  const values: Parameter[] = [];
  for (const column of COLUMNS) values.push(row[column]);
  for (const value of owned) values.push(value);
  return values;
}

function roomsOf(changes: readonly MessageChange[]): readonly string[] {
  return changes.map(({ roomId }) => roomId);
}

/** Names a row among those of a batch. */
export function keyOfRow({ room_id, seq }: Pick<MessageRow, 'room_id' | 'seq'>): string {
  return `${room_id} ${seq}`;
}

/** The parts of [0, beforeUs) in none of the ranges, which are in order. */
function* stretchesWithout(ranges: readonly PinnedRange[], beforeUs: number): Generator<PinnedRange> {
  let fromUs = 0;
  for (const range of ranges) {
    if (range.fromUs >= beforeUs) break;
    if (range.fromUs > fromUs) yield { fromUs, toUs: range.fromUs };
    fromUs = Math.max(fromUs, range.toUs);
  }
  if (fromUs < beforeUs) yield { fromUs, toUs: beforeUs };
}

/**
 * The chat of all rooms: opens that of a room, and reads stored messages.
 * In: the database, rooms that open. Out: the RoomChat of each, history, replay; deletions with media and
 * users.
 */
import type { RoomMessage } from '../../../api/room/messages.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { PinnedRange } from '../../../recording/pinned-windows.ts';
import type { Store } from '../../../store/db.ts';
import type { RowChanges } from '../../../store/row-changes.ts';
import type { ChatRoom, RoomChat } from '../room-chat.ts';
import { messageOf } from './message-row.ts';
import { MessageTable, type ReplayStretch } from './message-table.ts';
import { MessageWriter } from './message-writer.ts';
import { PollTable } from './poll-table.ts';
import { RoomMessages } from './room-messages.ts';
import { RoomPolls } from './room-polls.ts';
import { replaceTraces } from './user-traces.ts';

/** Messages read at a time for an export. */
const PAGE = 500;

export interface ChatsOptions {
  readonly db: Store['db'];
  /** Name of this node in a cluster, which writes only in rooms that it owns. */
  readonly node?: string;
  readonly clock: Clock;
  /** Id of the stream of a name. */
  readonly streamId: (name: string) => string | undefined;
  /** Multiple of the usual rates of members; 1 if it is missing. */
  readonly messageRate?: () => number;
  readonly failed: (error: unknown) => void;
  /** Reports each transaction: its messages and how long it took, seconds. */
  readonly committed?: (messages: number, seconds: number) => void;
  /** In a cluster: other nodes forget what this one has deleted. */
  readonly changes?: Pick<RowChanges, 'follow' | 'write'> | undefined;
}

interface Open {
  readonly messages: RoomMessages;
  readonly polls: RoomPolls;
}

/** A message of a user in an export. */
export interface ExportedMessage extends RoomMessage {
  readonly room: string;
}

/** The chats of all rooms. Disposing commits pending writes; close the rooms first. */
export class Chats implements AsyncDisposable {
  readonly #options: ChatsOptions;
  readonly #table: MessageTable;
  readonly #polls: PollTable;
  readonly #writer: MessageWriter;
  readonly #open = new Map<string, Open>();

  constructor(options: ChatsOptions) {
    this.#options = options;
    this.#table = new MessageTable(options.db, options.node);
    this.#polls = new PollTable(options.db, options.node);
    this.#writer = new MessageWriter({ ...options, table: this.#table });
    options.changes?.follow('room_message', async (keys = []) => () => {
      for (const [roomId, ...seqs] of keys.map((key) => key.split(' '))) this.#drop(roomId!, seqs.map(Number));
    });
  }

  /** How many messages wait for their commit. */
  get waiting(): number {
    return this.#writer.waiting;
  }

  /** Opens the chat of a room; one at a time of each room. */
  async open(room: ChatRoom): Promise<RoomChat> {
    const { clock, failed, streamId, messageRate } = this.#options;
    const [messages, polls] = await Promise.all([
      RoomMessages.open({ table: this.#table, writer: this.#writer, clock, streamId, messageRate }, room),
      RoomPolls.open({ polls: this.#polls, clock, failed }, room),
    ]);
    const opened: Open = { messages, polls };
    this.#open.set(room.id, opened);
    return {
      history: (since, reader) => ({
        ...messages.resume(since),
        polls: polls.list(reader),
        lastSeq: messages.lastSeq,
      }),
      receive(message, sender) {
        if (message.t === 'vote') polls.vote(sender, message);
        else messages.receive(message, sender);
      },
      close: async () => {
        if (this.#open.get(room.id) === opened) this.#open.delete(room.id);
        messages.close();
        await polls.end();
        await this.#writer.idle(); // the room may be deleted next
      },
    };
  }

  /** The polls of a room that is open. */
  polls(roomId: string): RoomPolls | undefined {
    return this.#open.get(roomId)?.polls;
  }

  /** Stored messages before a number without danmaku, oldest first. */
  before(roomId: string, seq: number, limit: number): Promise<RoomMessage[]> {
    return this.#table.before(roomId, seq, limit, 'chat');
  }

  /**
   * Messages and danmaku that were written to a stretch of the media of an entry, in its order. Those
   * of a stream are found under each entry that plays it.
   */
  async replay(roomId: string, item: string, stretch: ReplayStretch): Promise<RoomMessage[]> {
    const of = await this.#table.mediaOf(roomId, item, this.#options.streamId);
    return this.#table.between({ roomId, of, ...stretch });
  }

  /**
   * Removes a user's name and id from their messages, reactions, votes, and mentions of them.
   *
   * @param rooms ids of those that are searched for reactions, votes and mentions; undefined: all, which
   *   reads every message
   */
  anonymize(user: string, rooms?: readonly string[]): Promise<void> {
    return this.#replaceUser(user, undefined, rooms);
  }

  /**
   * A guest has an account now: it is the author of the guest's messages, with reactions, votes and mentions.
   * @param rooms ids of the guest's rooms
   */
  mergeGuest(
    guest: string,
    by: { readonly id: string; readonly name: string },
    rooms: readonly string[],
  ): Promise<void> {
    return this.#replaceUser(guest, by, rooms);
  }

  /**
   * An account was deleted at another node, which has changed the stored messages: open rooms forget their
   * author too.
   */
  forgetAuthor(user: string): void {
    this.#replaceInMemory(user, undefined);
  }

  async #replaceUser(
    user: string,
    by: { readonly id: string; readonly name: string } | undefined,
    rooms?: readonly string[],
  ): Promise<void> {
    await this.#writer.idle();
    // In memory first, so that nothing is stored with the old id from now on; and again for messages that
    // were loaded meanwhile.
    this.#replaceInMemory(user, by);
    await this.#table.changeAuthor(user, by);
    await this.#polls.replaceUser(user, by?.id, rooms);
    await replaceTraces(this.#options.db, user, by, rooms);
    this.#replaceInMemory(user, by);
  }

  #replaceInMemory(user: string, by: { readonly id: string; readonly name: string } | undefined): void {
    for (const { messages, polls } of this.#open.values()) {
      messages.replaceUser(user, by);
      polls.replaceUser(user, by?.id);
    }
  }

  /** Everything that a user wrote, by room and in order. */
  async *messagesOf(user: string): AsyncGenerator<ExportedMessage> {
    let after = { roomId: '', seq: 0 };
    for (;;) {
      const rows = await this.#table.ofAuthor(user, after, PAGE);
      for (const row of rows) yield { room: row.room_id, ...messageOf(row) };
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) return;
      after = { roomId: last.room_id, seq: last.seq };
    }
  }

  /**
   * Deletes messages written to media of a stream that retention deleted.
   *
   * @param beforeUs since 1970
   * @param pinned ranges that were kept, in order
   */
  async removeBefore(streamId: string, beforeUs: number, pinned: readonly PinnedRange[]): Promise<number> {
    return this.#forget(await this.#table.removeBefore(streamId, beforeUs, pinned));
  }

  /** Deletes messages written to assets that are gone. */
  async removeOfLostAssets(): Promise<number> {
    return this.#forget(await this.#table.removeOfLostAssets());
  }

  /** A room may be open at another node than that of the stream whose media is gone. */
  async #forget(gone: ReadonlyMap<string, readonly number[]>): Promise<number> {
    let count = 0;
    for (const [roomId, seqs] of gone) {
      this.#drop(roomId, seqs);
      count += seqs.length;
      await this.#options.changes?.write('room_message', [roomId, ...seqs].join(' '), async () => {});
    }
    return count;
  }

  #drop(roomId: string, seqs: readonly number[]): void {
    this.#open.get(roomId)?.messages.forget(seqs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer[Symbol.asyncDispose]();
  }
}

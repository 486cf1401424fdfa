/**
 * A room with a chat on a temporary database, for tests.
 * In: nothing. Out: senders, what was broadcast and answered.
 */
import type { ItemTarget } from '../../../api/room/item-shapes.ts';
import type { ServerMessage } from '../../../api/room/messages.ts';
import { permissionBits, type RoomPermission, usualMasks } from '../../../api/room/permissions.ts';
import { createManualClock, type ManualClock } from '../../../lib/clock.ts';
import type { Store } from '../../../store/db.ts';
import type { RowChanges } from '../../../store/row-changes.ts';
import type { ChatRoom, ChatSender } from '../room-chat.ts';
import { Chats } from './chats.ts';

/** A room as tests control it. */
export interface TestRoom extends ChatRoom {
  slowModeSeconds: number;
  at: ReturnType<ChatRoom['playing']>;
  readonly sent: ServerMessage[];
}

/** A member as tests control it. */
export interface TestSender extends ChatSender {
  mutedUntilMs: number;
  readonly got: ServerMessage[];
  /** Resolves with the first answer of a type, for an id. */
  answer(t: 'ack' | 'refused' | 'poll', id?: string): Promise<ServerMessage>;
}

/** Creates a room. */
export function testRoom(id = 'cinema', people: readonly string[] = ['ann', 'ben']): TestRoom {
  const sent: ServerMessage[] = [];
  const room: TestRoom = {
    id,
    slowModeSeconds: 0,
    at: undefined,
    sent,
    broadcast: (message) => void sent.push(message),
    playing: () => room.at,
    moved: () => void sent.push({ t: 'bye', reason: 'moved', detail: '' }),
    mentionable: () => people.map((name) => ({ user: `u-${name}`, name })),
  };
  return room;
}

/** Creates a member; `u-NAME` is its id. */
export function testSender(name = 'ann', extra: readonly RoomPermission[] = []): TestSender {
  const got: ServerMessage[] = [];
  const waiting = new Set<() => void>();
  return {
    user: { id: `u-${name}`, name, role: 'user' },
    mutedUntilMs: 0,
    got,
    may: (permission) => extra.includes(permission) || (usualMasks.member & permissionBits[permission]) !== 0,
    send(message) {
      got.push(message);
      for (const check of waiting) check();
    },
    answer: (t, id) =>
      new Promise((resolve) => {
        const check = () => {
          const found = got.find((one) => one.t === t && (id === undefined || ('id' in one && one.id === id)));
          if (!found) return;
          waiting.delete(check);
          resolve(found);
        };
        waiting.add(check);
        check();
      }),
  };
}

/** Writes the row of a room. */
export async function insertRoom(
  db: Store['db'],
  id = 'cinema',
  options: { readonly keepChat?: boolean } = {},
): Promise<void> {
  await db
    .insertInto('room')
    .values({
      id,
      name: id,
      owner: 'u-ann',
      visibility: 'public',
      password: null,
      capacity: null,
      options: JSON.stringify(options),
      keep_chat: options.keepChat ? 1 : 0,
      state: '{}',
      created_us: 0,
      used_us: 0,
      expires_us: null,
    })
    .execute();
}

/** Writes an entry of the playlist of `cinema`. */
export async function insertItem(db: Store['db'], id: string, target: ItemTarget): Promise<void> {
  await db
    .insertInto('room_item')
    .values({
      id,
      room_id: 'cinema',
      parent_id: null,
      rank: 1,
      name: id,
      target: JSON.stringify(target),
      signed: 0,
      added_by: 'u-ann',
      created_us: 0,
    })
    .execute();
}

/** Opens the chats of a database. */
export function testChats(db: Store['db'], clock: ManualClock = createManualClock(), changes?: RowChanges): Chats {
  const failed = (error: unknown) => {
    throw error;
  };
  return new Chats({ db, clock, failed, streamId: (name) => `id-${name}`, changes });
}

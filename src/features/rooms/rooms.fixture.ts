/**
 * Rooms for tests: records, connections that remember what they got, media without a stream, a clock that
 * tests move.
 * In: nothing. Out: rooms over a temporary store.
 */
import type { UserRef } from '../../accounts/users/user.ts';
import type { ServerMessage } from '../../api/room/messages.ts';
import { createManualClock, type ManualClock } from '../../lib/clock.ts';
import { openTemporaryStore } from '../../store/store.fixture.ts';
import { openMemoryChat } from './memory-chat.fixture.ts';
import type { Connection } from './participants/connection.ts';
import type { Connections } from './participants/connections.ts';
import type { RoomItemMedia, RoomMedia } from './room-media.ts';
import { type ItemRecord, type MemberRecord, type RoomRecord, usualOptions } from './room-record.ts';
import { Rooms, type RoomsDeps, type RoomsSettings } from './rooms.ts';
import { RoomTables } from './stored/room-tables.ts';

/** A room as it is stored. */
export function aRoom(id: string, change: Partial<RoomRecord> = {}): RoomRecord {
  return {
    id,
    name: 'Room',
    owner: 'u1',
    visibility: 'public',
    password: null,
    capacity: null,
    options: usualOptions,
    createdMs: 1_795_000_000_000,
    expiresMs: null,
    ...change,
  };
}

/** A person as a room knows them. */
export function aMember(user: string, change: Partial<MemberRecord> = {}): MemberRecord {
  return {
    user,
    name: `Name of ${user}`,
    role: 'member',
    state: 'active',
    allow: 0,
    deny: 0,
    mutedUntilMs: 0,
    joinedMs: 1_795_000_000_000,
    seenMs: 1_795_000_000_000,
    letIn: false,
    address: '',
    ...change,
  };
}

/** An entry of a playlist. */
export function anItem(id: string, change: Partial<ItemRecord> = {}): ItemRecord {
  return {
    id,
    parent: null,
    rank: 1,
    name: `Item ${id}`,
    target: { kind: 'asset', asset: id },
    addedBy: 'u1',
    signed: false,
    createdMs: 1_795_000_000_000,
    ...change,
  };
}

export function aUser(id: string, role: UserRef['role'] = 'user'): UserRef {
  return { id, name: `Name of ${id}`, role };
}

/** A connection that remembers what it got. */
export interface TestConnection extends Connection {
  readonly got: ServerMessage[];
  /** Why the server ended it. */
  readonly closed: string[];
  /** The messages of a type, oldest first. */
  of<T extends ServerMessage['t']>(type: T): readonly Extract<ServerMessage, { t: T }>[];
}

let opened = 0;

/** A connection of a user. */
export function aConnection(user: UserRef, address = '192.0.2.1'): TestConnection {
  const got: ServerMessage[] = [];
  const closed: string[] = [];
  return {
    id: `p${++opened}`,
    user,
    from: { address },
    got,
    closed,
    send: (message) => void got.push(message),
    sendFrame() {},
    close: (reason) => void closed.push(reason),
    of: <T extends ServerMessage['t']>(type: T) =>
      got.filter((one): one is Extract<ServerMessage, { t: T }> => one.t === type),
  };
}

/** Connections that get each message by a call of their own `send`. */
export function createConnections(): Connections {
  const connections = new Set<Connection>();
  return {
    get size() {
      return connections.size;
    },
    add: (connection) => void connections.add(connection),
    remove: (connection) => void connections.delete(connection),
    broadcast(message, isFor) {
      for (const connection of connections) if (!isFor || isFor(connection.user)) connection.send(message);
    },
  };
}

/** Rooms under test. */
export interface TestRooms extends AsyncDisposable {
  readonly rooms: Rooms;
  readonly tables: RoomTables;
  readonly clock: ManualClock;
  /** Settings that a test may change. */
  readonly settings: { -readonly [Each in keyof RoomsSettings]: RoomsSettings[Each] };
  /** Media by the id of the asset or the name of the stream. */
  readonly media: Map<string, RoomItemMedia>;
  /** What was published. */
  readonly published: { readonly type: string; readonly data: unknown }[];
  /** Closes the rooms and opens them again over the same store, as a restart. */
  restart(): Promise<Rooms>;
}

/** Opens rooms over an empty store. */
export async function openTestRooms(change: Partial<RoomsDeps> = {}): Promise<TestRooms> {
  const store = await openTemporaryStore();
  const clock = createManualClock();
  const settings: TestRooms['settings'] = {
    create: 'users',
    max: 100,
    perUser: 10,
    capacity: 200,
    keep: 30 * 86_400_000,
  };
  const media = new Map<string, RoomItemMedia>();
  const tables = new RoomTables(store.db);
  const published: TestRooms['published'] = [];
  const open = () =>
    new Rooms({
      tables,
      clock,
      media: testMedia(media),
      openChat: openMemoryChat,
      createConnections,
      settings: () => settings,
      events: { publish: (type, data) => void published.push({ type, data }) },
      failed: (error) => {
        throw error;
      },
      ...change,
    });
  let rooms = open();
  return {
    tables,
    clock,
    settings,
    media,
    published,
    get rooms() {
      return rooms;
    },
    async restart() {
      await rooms.close();
      rooms = open();
      return rooms;
    },
    async [Symbol.asyncDispose]() {
      await rooms.close();
      await store[Symbol.asyncDispose]();
    },
  };
}

/** Media of a minute, or those of a map by the id of the asset or the name of the stream. */
export function testMedia(media: ReadonlyMap<string, RoomItemMedia>): RoomMedia {
  return {
    check: async () => ({ name: 'Film', signed: false }),
    open: async (target) =>
      media.get(target.kind === 'asset' ? target.asset : 'stream' in target ? target.stream : '') ??
      ({ kind: 'file', durationMs: 60_000 } as const),
    besides: () => undefined,
    still: (target, atMs) => ('stream' in target ? `/thumb/${target.stream}/${atMs}.jpg` : null),
    address: (target) => (target.kind === 'asset' ? `/asset/${target.asset}/index.m3u8` : null),
  };
}

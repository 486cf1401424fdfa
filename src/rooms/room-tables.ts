/**
 * Rooms, their members and their playlists in the metadata store.
 * In: records. Out: rows, and the records again; times are whole µs there, ms here.
 */
import type { Kysely, Selectable } from 'kysely';
import type { ItemTarget } from '../api/room/item-shapes.ts';
import { nothingPlays, type PlaybackState } from '../api/room/playback.ts';
import type { RoomOptions } from '../api/room/room-shapes.ts';
import { runAll } from '../store/engine.ts';
import type { RoomItemTable, RoomMemberTable, RoomTable } from '../store/room-tables.ts';
import type { Tables } from '../store/schema.ts';
import {
  type ItemRecord,
  type ListedRoom,
  type MemberRecord,
  type RoomProgress,
  type RoomRecord,
  usualOptions,
} from './room-record.ts';

/** Tables with rows of a room. */
const TABLES_OF_A_ROOM = ['room_member', 'room_item', 'room_message', 'room_poll'] as const;
/** Columns of a known person that a later visit changes. */
const CHANGED = [
  ...(['name', 'role', 'state', 'allow', 'deny', 'muted_until_us', 'seen_us', 'let_in', 'address'] as const),
] satisfies (keyof RoomMemberTable)[];
const MEMBER_COLUMNS = ['room_id', 'user_id', 'joined_us', ...CHANGED] as const;
const SAVE_MEMBER = `INSERT INTO room_member (${MEMBER_COLUMNS.join(', ')})
  VALUES (${MEMBER_COLUMNS.map(() => '?').join(', ')})
  ON CONFLICT (room_id, user_id) DO UPDATE SET ${CHANGED.map((column) => `${column} = excluded.${column}`).join(', ')}`;
/** Rows that one statement writes. */
const ROWS_EACH = 50;

/** Which rooms: of a member (also where they wait for approval), of an owner, or public ones. `query`: a part of the name. */
export interface RoomSelection {
  readonly member?: string;
  readonly owner?: string;
  readonly query?: string;
}

/** Reads and writes rooms. */
export class RoomTables {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** Writes a new room with its owner as a member. */
  async insert(room: RoomRecord, owner: MemberRecord): Promise<void> {
    const used_us = toUs(room.createdMs);
    await this.#db.transaction().execute(async (db) => {
      await db
        .insertInto('room')
        .values({
          ...columnsOf(room),
          ...{ id: room.id, created_us: toUs(room.createdMs), used_us, state: JSON.stringify(nothingPlays) },
        })
        .execute();
      await db.insertInto('room_member').values(memberRow(room.id, owner)).execute();
    });
  }

  /** A room; undefined: there is none. */
  async find(id: string): Promise<(RoomProgress & { readonly room: RoomRecord }) | undefined> {
    const row = await this.#db.selectFrom('room').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row) return undefined;
    return { room: recordOf(row), state: JSON.parse(row.state) as PlaybackState, usedMs: row.used_us / 1000 };
  }

  /** Writes what people choose of a room. */
  async update(room: RoomRecord): Promise<void> {
    await this.#db.updateTable('room').set(columnsOf(room)).where('id', '=', room.id).execute();
  }

  /** Writes what plays. */
  async saveProgress(id: string, { state, usedMs }: RoomProgress): Promise<void> {
    const columns = { state: JSON.stringify(state), used_us: toUs(usedMs) };
    await this.#db.updateTable('room').set(columns).where('id', '=', id).execute();
  }

  /** Deletes a room with everything in it. */
  async remove(id: string): Promise<void> {
    await this.#db.transaction().execute(async (db) => {
      for (const table of TABLES_OF_A_ROOM) await db.deleteFrom(table).where('room_id', '=', id).execute();
      await db.deleteFrom('room').where('id', '=', id).execute();
    });
  }

  /** Rooms, those used last first. @param page.reader id of a user, whose place in each room is returned too */
  async list(
    which: RoomSelection,
    {
      limit,
      before,
      reader,
    }: {
      readonly limit: number;
      readonly before?: { readonly usedMs: number; readonly id: string };
      readonly reader?: string | undefined;
    },
  ): Promise<readonly (ListedRoom & { readonly usedMs: number })[]> {
    let select = this.#db
      .selectFrom('room')
      .selectAll('room')
      .leftJoin('room_member as owner', (join) =>
        join.onRef('owner.room_id', '=', 'room.id').onRef('owner.user_id', '=', 'room.owner'),
      )
      .select('owner.name as owner_name')
      .orderBy('room.used_us', 'desc')
      .orderBy('room.id', 'desc')
      .limit(limit);
    const { member, owner, query = '' } = which;
    if (member !== undefined) {
      select = select
        .innerJoin('room_member as own', 'own.room_id', 'room.id')
        .where('own.user_id', '=', member)
        .where('own.state', 'in', ['active', 'pending']);
    } else if (owner !== undefined) select = select.where('room.owner', '=', owner);
    else select = select.where('room.visibility', '=', 'public');
    if (query !== '') {
      // A wildcard in the query matches any character: then it needs no escape.
      const pattern = `%${query.replace(/[\\%_]/g, '_')}%`;
      select = select.where(({ eb, fn, val }) =>
        eb(fn<string>('lower', ['room.name']), 'like', fn<string>('lower', [val(pattern)])),
      );
    }
    if (before) {
      const used_us = toUs(before.usedMs);
      select = select.where((where) =>
        where.or([
          where('room.used_us', '<', used_us),
          where.and([where('room.used_us', '=', used_us), where('room.id', '<', before.id)]),
        ]),
      );
    }
    const rows = await select.execute();
    const items = rows.flatMap((row) => (JSON.parse(row.state) as PlaybackState).item ?? []);
    const found =
      items.length === 0
        ? []
        : await this.#db.selectFrom('room_item').select(['id', 'name', 'target']).where('id', 'in', items).execute();
    const playing = new Map(found.map((item) => [item.id, item]));
    const known = await this.#placesOf(
      reader,
      rows.map(({ id }) => id),
    );
    return rows.map((row) => {
      const state = JSON.parse(row.state) as PlaybackState;
      const item = playing.get(state.item ?? '');
      return {
        ...{ room: recordOf(row), ownerName: row.owner_name ?? '', usedMs: row.used_us / 1000, state },
        playing: item?.name ?? null,
        target: item && (JSON.parse(item.target) as ItemTarget),
        known: known.get(row.id),
      };
    });
  }

  /** A person in several rooms, by room. */
  async #placesOf(user: string | undefined, rooms: readonly string[]): Promise<ReadonlyMap<string, MemberRecord>> {
    if (user === undefined || rooms.length === 0) return new Map();
    const members = this.#db.selectFrom('room_member').selectAll();
    const rows = await members.where('user_id', '=', user).where('room_id', 'in', rooms).execute();
    return new Map(rows.map((row) => [row.room_id, memberOf(row)]));
  }

  /** Number of all rooms, or of those of an owner. */
  async count(owner?: string): Promise<number> {
    let select = this.#db.selectFrom('room').select((all) => all.fn.countAll<number>().as('rooms'));
    if (owner !== undefined) select = select.where('owner', '=', owner);
    return (await select.executeTakeFirstOrThrow()).rooms;
  }

  /** Ids of rooms that have expired, or that were not used since `unusedSinceMs`. */
  async expired(nowMs: number, unusedSinceMs: number): Promise<readonly string[]> {
    const rows = await this.#db
      .selectFrom('room')
      .select('id')
      .where((where) => where.or([where('expires_us', '<=', toUs(nowMs)), where('used_us', '<', toUs(unusedSinceMs))]))
      .limit(1000)
      .execute();
    return rows.map(({ id }) => id);
  }

  /** Ids of the rooms that a person owns. */
  async ownedBy(user: string): Promise<readonly string[]> {
    const rows = await this.#db.selectFrom('room').select('id').where('owner', '=', user).execute();
    return rows.map(({ id }) => id);
  }

  /** Ids of the rooms that know a person. */
  async knowing(user: string): Promise<readonly string[]> {
    const rows = await this.#db.selectFrom('room_member').select('room_id').where('user_id', '=', user).execute();
    return rows.map(({ room_id }) => room_id);
  }

  /** Everyone who is known to a room. */
  async members(room: string): Promise<readonly MemberRecord[]> {
    const rows = await this.#db.selectFrom('room_member').selectAll().where('room_id', '=', room).execute();
    return rows.map(memberOf);
  }

  /** Writes people, new ones and known ones, and forgets others. */
  async saveMembers(room: string, members: readonly MemberRecord[], removed: readonly string[] = []): Promise<void> {
    const rows = members.map((member): Record<string, string | number> => ({ ...memberRow(room, member) }));
    await runAll(this.#db, [
      { sql: 'DELETE FROM room_member WHERE room_id = ? AND user_id = ?', rows: removed.map((user) => [room, user]) },
      { sql: SAVE_MEMBER, rows: rows.map((row) => MEMBER_COLUMNS.map((column) => row[column]!)) },
    ]);
  }

  /** The playlist, in order. */
  async items(room: string): Promise<readonly ItemRecord[]> {
    const rows = await this.#db
      .selectFrom('room_item')
      .selectAll()
      .where('room_id', '=', room)
      .orderBy('rank')
      .orderBy('id')
      .execute();
    return rows.map(itemOf);
  }

  /** Writes new entries and changed ones, and deletes others, at once. */
  async saveItems(room: string, changed: readonly ItemRecord[], removed: readonly string[] = []): Promise<void> {
    await this.#db.transaction().execute(async (db) => {
      for (let at = 0; at < removed.length; at += ROWS_EACH) {
        await db
          .deleteFrom('room_item')
          .where('id', 'in', removed.slice(at, at + ROWS_EACH))
          .execute();
      }
      for (let at = 0; at < changed.length; at += ROWS_EACH) {
        await db
          .insertInto('room_item')
          .values(changed.slice(at, at + ROWS_EACH).map((item) => itemRow(room, item)))
          .onConflict((conflict) =>
            conflict.column('id').doUpdateSet((row) => ({
              parent_id: row.ref('excluded.parent_id'),
              rank: row.ref('excluded.rank'),
              name: row.ref('excluded.name'),
              target: row.ref('excluded.target'),
              signed: row.ref('excluded.signed'),
              added_by: row.ref('excluded.added_by'),
            })),
          )
          .execute();
      }
    });
  }
}

function columnsOf({ name, owner, visibility, password, capacity, options, expiresMs }: RoomRecord) {
  const expires_us = expiresMs === null ? null : toUs(expiresMs);
  const keep_chat = options.keepChat ? 1 : 0;
  return { name, owner, visibility, password, capacity, options: JSON.stringify(options), keep_chat, expires_us };
}

function recordOf(row: Selectable<RoomTable>): RoomRecord {
  const { id, name, owner, password, capacity } = row;
  const options = { ...usualOptions, ...(JSON.parse(row.options) as Partial<RoomOptions>) };
  return {
    ...{ id, name, owner, password, capacity, options, visibility: row.visibility as RoomRecord['visibility'] },
    createdMs: row.created_us / 1000,
    expiresMs: row.expires_us === null ? null : row.expires_us / 1000,
  };
}

function memberRow(room_id: string, member: MemberRecord): Selectable<RoomMemberTable> {
  const { user: user_id, name, role, state, allow, deny, address, letIn, ...times } = member;
  return {
    ...{ room_id, user_id, name, role, state, allow, deny, address, let_in: letIn ? 1 : 0 },
    muted_until_us: toUs(times.mutedUntilMs),
    joined_us: toUs(times.joinedMs),
    seen_us: toUs(times.seenMs),
  };
}

function memberOf({ user_id, name, allow, deny, address, let_in, ...row }: Selectable<RoomMemberTable>): MemberRecord {
  return {
    ...{ user: user_id, name, allow, deny, address, letIn: let_in === 1 },
    role: row.role as MemberRecord['role'],
    state: row.state as MemberRecord['state'],
    mutedUntilMs: row.muted_until_us / 1000,
    joinedMs: row.joined_us / 1000,
    seenMs: row.seen_us / 1000,
  };
}

function itemRow(room_id: string, { id, parent, rank, name, target, addedBy, createdMs, signed }: ItemRecord) {
  const row = { id, room_id, parent_id: parent, rank, name, target: JSON.stringify(target), added_by: addedBy };
  return { ...row, signed: signed ? 1 : 0, created_us: toUs(createdMs) };
}

function itemOf({
  id,
  parent_id,
  rank,
  name,
  target,
  added_by,
  created_us,
  signed,
}: Selectable<RoomItemTable>): ItemRecord {
  const item = { id, parent: parent_id, rank, name, target: JSON.parse(target) as ItemTarget, addedBy: added_by };
  return { ...item, signed: signed === 1, createdMs: created_us / 1000 };
}

const toUs = (ms: number): number => Math.round(ms * 1000);

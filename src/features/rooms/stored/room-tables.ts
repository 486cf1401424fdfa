/**
 * Rooms, their members and their playlists in the metadata store.
 * In: records. Out: rows, and the records again; times are whole µs there, ms here.
 */
import type { Kysely, Selectable, Updateable } from 'kysely';
import type { UserRef } from '../../../accounts/users/user.ts';
import { storedLists } from '../../../accounts/watch-rules/watch-rules.ts';
import type { ItemTarget } from '../../../api/room/item-shapes.ts';
import { nothingPlays, type PlaybackState } from '../../../api/room/playback.ts';
import type { RoomOptions } from '../../../api/room/room-shapes.ts';
import { runAll } from '../../../store/engine.ts';
import type { Tables } from '../../../store/schema.ts';
import { openTarget, targetColumn } from '../../../store/sealed/sealed-columns.ts';
import { sealOf, type TextSeal } from '../../../store/sealed/text-seal.ts';
import { RoomGuard } from '../cluster/room-guard.ts';
import { mergedMember } from '../members/merged-member.ts';
import { withoutUserInfo } from '../playlist/check-link.ts';
import {
  type ItemRecord,
  type ListedRoom,
  type MemberRecord,
  type RoomProgress,
  type RoomRecord,
  usualOptions,
} from '../room-record.ts';
import type { RoomItemTable, RoomMemberTable, RoomTable } from '../tables.ts';

/** Tables with rows of a room. */
const TABLES_OF_A_ROOM = ['room_member', 'room_item', 'room_message', 'room_poll'] as const;
/**
 * The number of people that another node counted is believed for this long after the last one was there, ms:
 * it is written every 30 s.
 */
const PRESENT_MS = 60_000;
/** Columns of a known person that a later visit changes. */
const CHANGED = [
  ...(['name', 'role', 'state', 'allow', 'deny', 'muted_until_us', 'seen_us', 'let_in', 'address'] as const),
] satisfies (keyof RoomMemberTable)[];
const MEMBER_COLUMNS = ['room_id', 'user_id', 'joined_us', ...CHANGED] as const;
/** Columns of an entry that is changed. */
const CHANGED_OF_ITEM = [
  ...(['parent_id', 'rank', 'name', 'target', 'signed', 'added_by'] as const),
] satisfies (keyof RoomItemTable)[];
const ITEM_COLUMNS = ['id', 'room_id', 'created_us', ...CHANGED_OF_ITEM] as const;

/**
 * Which rooms: of a member (also where they wait for approval), of an owner, or public ones. `query`: a part
 * of the name.
 */
export interface RoomSelection {
  readonly member?: string;
  readonly owner?: string;
  readonly query?: string;
}

/** Reads and writes rooms. */
export class RoomTables {
  readonly #db: Kysely<Tables>;
  readonly #guard: RoomGuard;
  readonly #saveMember: string;
  readonly #saveItem: string;

  /**
   * @param node name of this node in a cluster, which changes only rooms that it owns: others throw
   *   `room-moved`
   */
  constructor(db: Kysely<Tables>, node?: string) {
    this.#db = db;
    this.#guard = new RoomGuard(db, node);
    this.#saveMember = saveOf('room_member', MEMBER_COLUMNS, 'room_id, user_id', CHANGED, this.#guard);
    this.#saveItem = saveOf('room_item', ITEM_COLUMNS, 'id', CHANGED_OF_ITEM, this.#guard);
  }

  /** Writes a new room with its owner as a member. */
  async insert(room: RoomRecord, owner: MemberRecord): Promise<void> {
    const used_us = toUs(room.createdMs);
    await this.#db.transaction().execute(async (db) => {
      await db
        .insertInto('room')
        .values({
          ...columnsOf(room),
          id: room.id,
          created_us: toUs(room.createdMs),
          used_us,
          state: JSON.stringify(nothingPlays),
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

  /** Writes the fields of a room. */
  async update(room: RoomRecord): Promise<void> {
    await this.#change(room.id, columnsOf(room));
  }

  /** Writes the playback state, and how many people are there. */
  async saveProgress(id: string, { state, usedMs, present = 0 }: RoomProgress): Promise<void> {
    await this.#change(id, { state: JSON.stringify(state), used_us: toUs(usedMs), present });
  }

  async #change(id: string, columns: Partial<Updateable<RoomTable>>): Promise<void> {
    const { numUpdatedRows } = await this.#db
      .updateTable('room')
      .set(columns)
      .where('id', '=', id)
      .$if(this.#guard.isOn, (update) => update.where(this.#guard.owns(id)))
      .executeTakeFirst();
    this.#guard.check(id, numUpdatedRows > 0n);
  }

  /** Deletes a room with everything in it. */
  async remove(id: string): Promise<void> {
    const rows = [[id, ...this.#guard.parameters(id)]];
    const { and } = this.#guard;
    const unchanged = await runAll(this.#db, [
      ...TABLES_OF_A_ROOM.map((table) => ({ sql: `DELETE FROM ${table} WHERE room_id = ?${and}`, rows })),
      { sql: `DELETE FROM room WHERE id = ?${and}`, rows },
    ]);
    this.#guard.check(id, unchanged.at(-1)!.length === 0);
  }

  /**
   * Rooms, those used last first.
   * @param page.reader id of a user, whose place in each room is returned too
   */
  async list(
    which: RoomSelection,
    {
      limit,
      before,
      reader,
      nowMs = 0,
    }: {
      readonly limit: number;
      readonly before?: { readonly usedMs: number; readonly id: string };
      readonly reader?: string | undefined;
      readonly nowMs?: number;
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
    const entries =
      items.length === 0
        ? []
        : await this.#db.selectFrom('room_item').select(['id', 'name', 'target']).where('id', 'in', items).execute();
    const playing = new Map(entries.map((item) => [item.id, item]));
    const memberships = await this.#placesOf(
      reader,
      rows.map(({ id }) => id),
    );
    return rows.map((row) => {
      const state = JSON.parse(row.state) as PlaybackState;
      const item = playing.get(state.item ?? '');
      return {
        room: recordOf(row),
        ownerName: row.owner_name ?? '',
        usedMs: row.used_us / 1000,
        state,
        present: toUs(nowMs - PRESENT_MS) < row.used_us ? row.present : 0,
        playing: item?.name ?? null,
        target: item && openTarget<ItemTarget>(item.target, sealOf(this.#db)),
        known: memberships.get(row.id),
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
    let select = this.#db.selectFrom('room').select((builder) => builder.fn.countAll<number>().as('rooms'));
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
    const { and } = this.#guard;
    const owned = this.#guard.parameters(room);
    const [, unsaved] = await runAll(this.#db, [
      {
        sql: `DELETE FROM room_member WHERE room_id = ? AND user_id = ?${and}`,
        rows: removed.map((user) => [room, user, ...owned]),
      },
      {
        sql: this.#saveMember,
        rows: rows.map((row) => [...MEMBER_COLUMNS.map((column) => row[column]!), ...owned]),
      },
    ]);
    this.#guard.check(room, unsaved!.length === 0);
  }

  /** Moves the place of a guest to an account in a room that another node owns. */
  async mergeGuest(room: string, guest: string, user: UserRef): Promise<void> {
    await this.#db.transaction().execute(async (db) => {
      const of = db.selectFrom('room_member').selectAll().where('room_id', '=', room);
      const from = await of.where('user_id', '=', guest).executeTakeFirst();
      const to = await of.where('user_id', '=', user.id).executeTakeFirst();
      const owner = await db.selectFrom('room').select('owner').where('id', '=', room).executeTakeFirst();
      if (!from || !owner) return;
      const isAbove = user.id === owner.owner || to?.role === 'moderator';
      const merged = mergedMember(memberOf(from), to && memberOf(to), user, { isAbove });
      await db.deleteFrom('room_member').where('room_id', '=', room).where('user_id', 'in', [guest, user.id]).execute();
      await db.insertInto('room_member').values(memberRow(room, merged)).execute();
      await db
        .updateTable('room_item')
        .set({ added_by: user.id })
        .where('room_id', '=', room)
        .where('added_by', '=', guest)
        .execute();
      await db.updateTable('room').set({ owner: user.id }).where('id', '=', room).where('owner', '=', guest).execute();
    });
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
    return rows.map((row) => itemOf(row, sealOf(this.#db)));
  }

  /** Writes new entries and changed ones, and deletes others, at once. */
  async saveItems(room: string, changed: readonly ItemRecord[], removed: readonly string[] = []): Promise<void> {
    const rows = changed.map(
      (item): Record<string, string | number | null> => ({
        ...itemRow(room, item, sealOf(this.#db)),
      }),
    );
    const owned = this.#guard.parameters(room);
    const [, unsaved] = await runAll(this.#db, [
      { sql: `DELETE FROM room_item WHERE id = ?${this.#guard.and}`, rows: removed.map((id) => [id, ...owned]) },
      { sql: this.#saveItem, rows: rows.map((row) => [...ITEM_COLUMNS.map((column) => row[column]!), ...owned]) },
    ]);
    this.#guard.check(room, unsaved!.length === 0);
  }
}

/** An entry of any room; undefined: there is none. */
export async function findItem(db: Kysely<Tables>, id: string): Promise<ItemRecord | undefined> {
  const row = await db.selectFrom('room_item').selectAll().where('id', '=', id).executeTakeFirst();
  return row && itemOf(row, sealOf(db));
}

/** Inserts a row, or changes the one of its key. */
function saveOf(
  table: string,
  columns: readonly string[],
  key: string,
  changed: readonly string[],
  guard: RoomGuard,
): string {
  const changes = changed.map((column) => `${column} = excluded.${column}`).join(', ');
  return `INSERT INTO ${table} (${columns.join(', ')}) ${guard.values(columns.length)}
  ON CONFLICT (${key}) DO UPDATE SET ${changes}`;
}

function columnsOf({ options, expiresMs, watchRules, ...room }: RoomRecord) {
  const { name, owner, visibility, password, capacity } = room;
  const expires_us = expiresMs === null ? null : toUs(expiresMs);
  const keep_chat = options.keepChat ? 1 : 0;
  const watch_rules = watchRules ? JSON.stringify(watchRules) : null;
  const columns = { name, owner, visibility, password, capacity, watch_rules, keep_chat, expires_us };
  return Object.assign(columns, { options: JSON.stringify(options) });
}

function recordOf(row: Selectable<RoomTable>): RoomRecord {
  const { id, name, owner, password, capacity } = row;
  const options = { ...usualOptions, ...(JSON.parse(row.options) as Partial<RoomOptions>) };
  return {
    id,
    name,
    owner,
    password,
    capacity,
    options,
    ...(row.watch_rules !== null && { watchRules: storedLists(row.watch_rules) }),
    visibility: row.visibility as RoomRecord['visibility'],
    createdMs: row.created_us / 1000,
    expiresMs: row.expires_us === null ? null : row.expires_us / 1000,
  };
}

function memberRow(room_id: string, member: MemberRecord): Selectable<RoomMemberTable> {
  const { user: user_id, name, role, state, allow, deny, address, letIn, ...times } = member;
  return {
    room_id,
    user_id,
    name,
    role,
    state,
    allow,
    deny,
    address,
    let_in: letIn ? 1 : 0,
    muted_until_us: toUs(times.mutedUntilMs),
    joined_us: toUs(times.joinedMs),
    seen_us: toUs(times.seenMs),
  };
}

function memberOf({ user_id, name, allow, deny, address, let_in, ...row }: Selectable<RoomMemberTable>): MemberRecord {
  return {
    user: user_id,
    name,
    allow,
    deny,
    address,
    letIn: let_in === 1,
    role: row.role as MemberRecord['role'],
    state: row.state as MemberRecord['state'],
    mutedUntilMs: row.muted_until_us / 1000,
    joinedMs: row.joined_us / 1000,
    seenMs: row.seen_us / 1000,
  };
}

function itemRow(
  room_id: string,
  { id, parent, rank, name, target, addedBy, createdMs, signed }: ItemRecord,
  seal: TextSeal | undefined,
) {
  const row = { id, room_id, parent_id: parent, rank, name, target: targetColumn(target, seal), added_by: addedBy };
  return { ...row, signed: signed ? 1 : 0, created_us: toUs(createdMs) };
}

function itemOf(
  { id, parent_id, rank, name, target, added_by, created_us, signed }: Selectable<RoomItemTable>,
  seal: TextSeal | undefined,
): ItemRecord {
  const item = { id, parent: parent_id, rank, name, addedBy: added_by };
  // Links that were imported, or stored before this was done when they are added.
  const shown = withoutUserInfo(openTarget<ItemTarget>(target, seal));
  return { ...item, target: shown, signed: signed === 1, createdMs: created_us / 1000 };
}

const toUs = (ms: number): number => Math.round(ms * 1000);

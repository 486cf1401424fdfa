/**
 * Converts the users, rooms, members and playlists of a SyncTV database.
 * In: its tables. Out: rows of oxbow's tables, and omissions with the reason. Pure;
 * docs/7-together/from-synctv.md.
 */
import type { Insertable } from 'kysely';
import { isPasswordHash } from '../../../accounts/users/password.ts';
import { effectiveMask, maskOf, permissionBits, usualMasks } from '../../../api/room/permissions.ts';
import { nothingPlays, type PlaybackState } from '../../../api/room/playback.ts';
import type { RoomOptions } from '../../../api/room/room-shapes.ts';
import type { UserIdentityTable, UserTable } from '../../../store/tables/account-tables.ts';
import type { RoomItemTable, RoomMemberTable, RoomTable } from '../tables.ts';
import { convertItems } from './convert-items.ts';
import {
  flagOf,
  GUEST_ID,
  jsonOf,
  type LeftOut,
  memberRoles,
  memberStatus,
  numberOf,
  type Row,
  roomStatus,
  textOf,
  timeOf,
  userRoles,
} from './synctv-rows.ts';

/** The tables of SyncTV that are read. */
export interface SyncTvTables {
  readonly users: readonly Row[];
  readonly user_providers: readonly Row[];
  readonly rooms: readonly Row[];
  readonly room_settings: readonly Row[];
  readonly room_members: readonly Row[];
  readonly movies: readonly Row[];
}

/** Rows of oxbow's tables. */
export interface Converted {
  readonly users: readonly Insertable<UserTable>[];
  readonly identities: readonly Insertable<UserIdentityTable>[];
  readonly rooms: readonly Insertable<RoomTable>[];
  readonly members: readonly Insertable<RoomMemberTable>[];
  readonly items: readonly Insertable<RoomItemTable>[];
  readonly leftOut: readonly LeftOut[];
}

/** How the importer converts. */
interface ConvertOptions {
  readonly nowMs: number;
  /** Administrators of SyncTV become administrators; otherwise ordinary users. */
  readonly admins: boolean;
  /** Unique form of a user name, see accounts/users. */
  readonly nameKey: (name: string) => string;
  /** Id of a room, from its id in SyncTV: the same at each import. */
  readonly roomId: (id: string) => string;
}

/** Bits that both have: eight of members, six of administrators from bit 16 on. */
const MEMBER_BITS = 0xff;
const ADMIN_BITS = 0x3f;
const ADMIN_SHIFT = 16;

/** Columns of `room_settings` that switch a permission off for all members, and its bit. */
const switches = {
  can_get_movie_list: permissionBits.list,
  can_add_movie: permissionBits.addItems,
  can_delete_movie: permissionBits.deleteItems,
  can_edit_movie: permissionBits.editItems,
  can_set_current_movie: permissionBits.setItem,
  can_set_current_status: permissionBits.control,
  can_send_chat_message: permissionBits.chat,
} as const;

/** Converts a database. */
export function convertSyncTv(tables: SyncTvTables, options: ConvertOptions): Converted {
  const leftOut: LeftOut[] = [];
  const users = convertUsers(tables, options, leftOut);
  const usersById = new Map(users.map((user) => [user.id, user]));
  const identities = tables.user_providers.flatMap((row) => {
    const [provider, subject, user_id] = ['provider', 'provider_user_id', 'user_id'].map((column) =>
      textOf(row, column),
    );
    if (!provider || !subject || !user_id || !usersById.has(user_id)) return [];
    return [{ provider, subject, user_id, name: '', created_us: timeOf(row, 'created_at', options.nowMs) * 1000 }];
  });
  const rooms: Insertable<RoomTable>[] = [];
  const members: Insertable<RoomMemberTable>[] = [];
  const items: Insertable<RoomItemTable>[] = [];
  for (const row of tables.rooms) {
    const room = convertRoom(row, tables, usersById, options, leftOut);
    if (!room) continue;
    rooms.push(room.row);
    members.push(...room.members);
    items.push(...room.items);
  }
  return { users, identities, rooms, members, items, leftOut };
}

function convertUsers(
  { users }: SyncTvTables,
  { admins, nameKey, nowMs }: ConvertOptions,
  leftOut: LeftOut[],
): Insertable<UserTable>[] {
  const emails = new Set<string>();
  return users.flatMap((row) => {
    const [id, name] = [textOf(row, 'id'), textOf(row, 'username').trim()];
    if (id === GUEST_ID) return [];
    if (id === '' || name === '') {
      leftOut.push({ kind: 'user', name: name || id, reason: 'it has no id or no name' });
      return [];
    }
    const role = numberOf(row, 'role');
    const isAdmin = role === userRoles.admin || role === userRoles.root;
    const password = textOf(row, 'hashed_password');
    const email = textOf(row, 'email').trim().toLowerCase();
    const isFree = email !== '' && !emails.has(email);
    if (isFree) emails.add(email);
    const created_us = timeOf(row, 'created_at', nowMs) * 1000;
    return [
      {
        id,
        name,
        name_key: nameKey(name),
        created_us,
        seen_us: created_us,
        role: isAdmin && admins ? 'admin' : 'user',
        state: role === userRoles.banned ? 'banned' : role === userRoles.pending ? 'pending' : 'active',
        // A bcrypt hash; accounts/users/password.ts accepts it once, then replaces it.
        password: isPasswordHash(password) ? password : null,
        email: isFree ? email : null,
        email_verified: isFree ? 1 : 0,
      },
    ];
  });
}

function convertRoom(
  row: Row,
  { room_settings, room_members, movies }: SyncTvTables,
  users: ReadonlyMap<string, Insertable<UserTable>>,
  { roomId, nowMs }: ConvertOptions,
  leftOut: LeftOut[],
) {
  const [oldId, name, owner] = ['id', 'name', 'creator_id'].map((column) => textOf(row, column)) as [
    string,
    string,
    string,
  ];
  const refuse = (reason: string) => void leftOut.push({ kind: 'room', name: name || oldId, reason });
  if (oldId === '' || name === '') return refuse('it has no id or no name');
  if (!users.has(owner)) return refuse('its creator does not exist');
  if (numberOf(row, 'status') === roomStatus.banned) return refuse('it is banned');
  const id = roomId(oldId);
  const settings = room_settings.find((entry) => textOf(entry, 'id') === oldId) ?? {};
  const options = convertOptions(settings);
  const memberRows = room_members.filter(
    (member) => textOf(member, 'room_id') === oldId && textOf(member, 'user_id') !== owner,
  );
  const items = convertItems(
    movies.filter((movie) => textOf(movie, 'room_id') === oldId),
    { room: { id, name }, owner, nowMs },
    leftOut,
  );
  const created_us = timeOf(row, 'created_at', nowMs) * 1000;
  const members = [
    ownerOf(users.get(owner)!, id, created_us),
    ...memberRows.flatMap((member) => convertMember(member, id, options, users, nowMs)),
  ];
  const password = textOf(row, 'hashed_password');
  const state = convertCurrent(jsonOf(row, 'current'), new Set(items.map((item) => item.id)));
  return {
    row: {
      id,
      name,
      owner,
      created_us,
      capacity: null,
      expires_us: null,
      visibility: flagOf(settings, 'hidden') ? 'unlisted' : 'public',
      password: isPasswordHash(password) ? password : null,
      options: JSON.stringify(options),
      state: JSON.stringify(state),
      // Not that of SyncTV: the room would be deleted as unused at once.
      used_us: nowMs * 1000,
    },
    members,
    items,
  };
}

function convertOptions(settings: Row): RoomOptions {
  let enabled = ~0;
  for (const [column, bit] of Object.entries(switches)) if (!flagOf(settings, column, true)) enabled &= ~bit;
  const convert = (mask: number) => withDanmaku(mask & MEMBER_BITS & enabled);
  const usual = maskOf(['list', 'chat', 'talk']);
  const member = 'user_default_permissions' in settings ? numberOf(settings, 'user_default_permissions') : usual;
  return {
    guests: !flagOf(settings, 'disable_guest'),
    approve: flagOf(settings, 'join_need_review') || flagOf(settings, 'disable_join_new_user'),
    control: member & permissionBits.control ? 'everyone' : 'moderators',
    atEnd: 'next',
    waitForSlow: false,
    slowModeSeconds: 0,
    keepChat: false,
    masks: {
      guest: convert(numberOf(settings, 'guest_permissions')),
      member: convert(member),
      moderator: usualMasks.moderator,
    },
  };
}

/** Who may write may also send danmaku, which SyncTV sends as chat. */
function withDanmaku(mask: number): number {
  return mask & permissionBits.chat ? mask | permissionBits.danmaku : mask;
}

/** SyncTV has no member for the creator of a room; here the list names the owner by it. */
function ownerOf({ id, name }: Insertable<UserTable>, room_id: string, joined_us: number): Insertable<RoomMemberTable> {
  return {
    room_id,
    user_id: id,
    name,
    role: 'owner',
    state: 'active',
    joined_us,
    seen_us: joined_us,
    muted_until_us: 0,
    let_in: 1,
    address: '',
    allow: 0,
    deny: 0,
  };
}

function convertMember(
  row: Row,
  room_id: string,
  { masks }: RoomOptions,
  users: ReadonlyMap<string, Insertable<UserTable>>,
  nowMs: number,
): Insertable<RoomMemberTable>[] {
  const user = users.get(textOf(row, 'user_id'));
  if (!user) return [];
  const isModerator = numberOf(row, 'role') >= memberRoles.admin;
  const role = isModerator ? 'moderator' : 'member';
  const status = numberOf(row, 'status');
  // An administrator of a SyncTV room has every permission of members.
  const wanted = isModerator
    ? MEMBER_BITS | permissionBits.danmaku | ((numberOf(row, 'admin_permissions') & ADMIN_BITS) << ADMIN_SHIFT)
    : withDanmaku(numberOf(row, 'permissions') & MEMBER_BITS);
  const compared = MEMBER_BITS | permissionBits.danmaku | (isModerator ? ADMIN_BITS << ADMIN_SHIFT : 0);
  const usual = effectiveMask(role, masks) & compared;
  const joined_us = timeOf(row, 'created_at', nowMs) * 1000;
  return [
    {
      room_id,
      user_id: user.id,
      name: user.name,
      role,
      joined_us,
      seen_us: joined_us,
      muted_until_us: 0,
      // Members of SyncTV have given the password once.
      let_in: 1,
      address: '',
      state: status === memberStatus.banned ? 'banned' : status === memberStatus.pending ? 'pending' : 'active',
      allow: wanted & ~usual,
      deny: usual & ~wanted,
    },
  ];
}

/** The entry that played, paused where it was. */
function convertCurrent(current: unknown, items: ReadonlySet<string>): PlaybackState {
  const { movie, status } = (current ?? {}) as { movie?: { id?: unknown }; status?: { currentTime?: unknown } };
  const item = movie?.id;
  if (typeof item !== 'string' || !items.has(item)) return nothingPlays;
  const seconds = typeof status?.currentTime === 'number' && status.currentTime > 0 ? status.currentTime : 0;
  return { ...nothingPlays, rev: 1, item, anchorMedia: Math.round(seconds * 1000) };
}

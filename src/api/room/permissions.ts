/**
 * What members of a room may do: bits by role, and by person.
 * In: roles and masks of a room's options. Out: rooms, the interface. Pure.
 */

/**
 * The bit of each permission. A released bit keeps its meaning: masks are stored. The first eight, and the
 * six from 16 on, are those of SyncTV.
 */
export const permissionBits = {
  /** Sees the playlist. */
  list: 1,
  addItems: 1 << 1,
  deleteItems: 1 << 2,
  editItems: 1 << 3,
  /** Chooses the entry that plays. */
  setItem: 1 << 4,
  /** Plays, pauses, seeks, changes the speed. */
  control: 1 << 5,
  chat: 1 << 6,
  /** Voice, video and screen. */
  talk: 1 << 7,
  danmaku: 1 << 8,
  createPolls: 1 << 9,
  /** Lets people in who wait. */
  approve: 1 << 16,
  /** Kicks, bans, mutes, deletes messages of others. */
  moderate: 1 << 17,
  /** Changes roles and permissions of people. */
  setPermissions: 1 << 18,
  /** Changes name, visibility, options, expiry. */
  editRoom: 1 << 19,
  setPassword: 1 << 20,
  deleteRoom: 1 << 21,
} as const;

export type RoomPermission = keyof typeof permissionBits;

/** A role in a room. The owner has every permission. */
export type RoomRole = 'owner' | 'moderator' | 'member' | 'guest';

/** The mask of some permissions. */
export function maskOf(permissions: readonly RoomPermission[]): number {
  return permissions.reduce((mask, permission) => mask | permissionBits[permission], 0);
}

/** The permissions of a mask, in the order of the table. */
export function permissionsOf(mask: number): RoomPermission[] {
  return (Object.keys(permissionBits) as RoomPermission[]).filter(
    (permission) => (mask & permissionBits[permission]) !== 0,
  );
}

export const ALL_PERMISSIONS = maskOf(Object.keys(permissionBits) as RoomPermission[]);

/** The masks of a new room. Who may control is an option: everyone in the room, or moderators. */
export const usualMasks: Readonly<Record<Exclude<RoomRole, 'owner'>, number>> = {
  guest: maskOf(['list', 'control', 'chat', 'danmaku']),
  member: maskOf(['list', 'addItems', 'setItem', 'control', 'chat', 'danmaku', 'talk', 'createPolls']),
  moderator: ALL_PERMISSIONS & ~permissionBits.deleteRoom,
};

/**
 * The mask of a person.
 *
 * @param masks of the roles in this room
 * @param allow bits beyond those of the role
 * @param deny bits that are withheld; they win over `allow`
 */
export function effectiveMask(
  role: RoomRole,
  masks: Readonly<Record<Exclude<RoomRole, 'owner'>, number>>,
  { allow = 0, deny = 0 }: { readonly allow?: number; readonly deny?: number } = {},
): number {
  return role === 'owner' ? ALL_PERMISSIONS : (masks[role] | allow) & ~deny;
}

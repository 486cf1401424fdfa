/**
 * Changes the fields of a room.
 * In: the author, the fields. Out: the changed room, or a refusal.
 */
import type { UserRef } from '../../accounts/users/user.ts';
import type { WatchRuleSettings } from '../../api/access/watch-rules-shapes.ts';
import type { RoomOptions } from '../../api/room/room-shapes.ts';
import { readRules } from '../../config/sections/watch-rules-section.ts';
import { OxbowError } from '../../lib/errors.ts';
import { cleanText } from '../../lib/text/clean-text.ts';
import { KNOWN_BITS } from './members/moderation.ts';
import type { RoomPasswords } from './members/room-passwords.ts';
import type { Room } from './room.ts';
import type { RoomRecord } from './room-record.ts';

/** The fields of a room that people set. `password` in clear; null: none. */
export interface RoomFields {
  readonly name?: string;
  readonly visibility?: RoomRecord['visibility'];
  readonly password?: string | null;
  readonly capacity?: number | null;
  readonly expiresMs?: number | null;
  readonly options?: Partial<RoomOptions>;
  /** Null: the setting `watchRules`. */
  readonly watchRules?: WatchRuleSettings | null;
}

/**
 * Checks fields and hashes the password.
 *
 * @returns the record with these fields; absent ones stay
 * @throws OxbowError `bad-request`, `sign-in-busy`
 */
export async function readFields(
  { name, password, options, watchRules, ...others }: RoomFields,
  passwords: RoomPasswords,
): Promise<(record: RoomRecord) => RoomRecord> {
  const changes = {
    ...others,
    ...(name !== undefined && { name: nameOf(name) }),
    ...(watchRules !== undefined && { watchRules: readRules(watchRules) ?? null }),
    ...(password !== undefined && { password: password === null ? null : await passwords.hash(password) }),
  };
  return (record) => ({ ...record, ...changes, options: optionsOf(options ?? {}, record.options) });
}

/**
 * Changes a room.
 *
 * @throws OxbowError `room-forbidden`, `bad-request`
 */
export async function editRoom(room: Room, by: UserRef, fields: RoomFields, passwords: RoomPasswords): Promise<void> {
  const { password, ...others } = fields;
  if (password !== undefined) room.state.assertMay(by, 'setPassword');
  if (Object.keys(others).length > 0) room.state.assertMay(by, 'editRoom');
  if (others.options?.masks) assertMasks(room, by, others.options.masks);
  await room.changes.record(await readFields(fields, passwords));
  if (password === undefined) return;
  room.state.members.askPasswordAgain();
  await room.changes.save();
}

/** Masks are permissions of people: one gives no more than one has, and moderators do not set their own. */
function assertMasks(room: Room, by: UserRef, masks: RoomOptions['masks']): void {
  room.state.assertMay(by, 'setPermissions');
  const { record, members } = room.state;
  if (by.role === 'admin' || by.id === record.owner) return;
  const before = record.options.masks;
  if (masks.moderator !== before.moderator)
    throw new OxbowError('room-forbidden', 'Only the owner sets the permissions of moderators.');
  const grantedMask = (masks.member & ~before.member) | (masks.guest & ~before.guest);
  if ((grantedMask & ~members.maskOf(by)) !== 0)
    throw new OxbowError('room-forbidden', 'You cannot give a permission that you lack.');
}

function nameOf(name: string): string {
  const clean = cleanText(name, { isOneLine: true }).trim();
  if (clean === '') throw new OxbowError('bad-request', 'A room needs a name.');
  return clean;
}

function optionsOf(options: Partial<RoomOptions>, before: RoomOptions): RoomOptions {
  const { guest, member, moderator } = options.masks ?? before.masks;
  const masks = { guest: guest & KNOWN_BITS, member: member & KNOWN_BITS, moderator: moderator & KNOWN_BITS };
  return { ...before, ...options, masks };
}

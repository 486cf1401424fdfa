/**
 * The rank of people in a room: one acts on people of a lower rank.
 * In: roles. Out: numbers to compare. Pure.
 */
import type { UserRef } from '../../../accounts/users/user.ts';
import type { RoomRole } from '../../../api/room/permissions.ts';
import type { Members } from './members.ts';

/** The rank of each role. */
export const RANKS: Readonly<Record<RoomRole, number>> = { owner: 3, moderator: 2, member: 1, guest: 0 };
/** Administrators of the server are above every owner. */
const ADMIN_RANK = 4;

/** The rank of a person. */
export function rankOf(members: Pick<Members, 'roleOf'>, user: Pick<UserRef, 'id' | 'role'>): number {
  return user.role === 'admin' ? ADMIN_RANK : RANKS[members.roleOf(user)];
}

/**
 * The order and the actions of a room's members.
 * In: members, who looks at them. Out: the member list. Pure.
 */
import type { RoomRole } from '../../../../src/api/room/permissions.ts';
import type { MemberView } from '../../../../src/api/room/room-shapes.ts';

const ranks: Readonly<Record<RoomRole, number>> = { owner: 0, moderator: 1, member: 2, guest: 3 };

/** Those who are here first, then by role and name. */
export function inOrder(members: readonly MemberView[], locale: string): readonly MemberView[] {
  const here = ({ present }: MemberView) => (present > 0 ? 0 : 1);
  return members.toSorted(
    (a, b) => here(a) - here(b) || ranks[a.role] - ranks[b.role] || a.name.localeCompare(b.name, locale),
  );
}

/** Whether someone's role is above another's: only then may they act on that person. */
export function isAbove(role: RoomRole, other: RoomRole): boolean {
  return role === 'owner' ? other !== 'owner' : ranks[role] < ranks[other];
}

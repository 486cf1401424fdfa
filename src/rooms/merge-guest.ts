/**
 * A guest of a room who has signed in: the account gets the guest's place, with its permissions, mute and ban.
 * In: an open room, the guest, the account. Out: one member in place of two.
 */
import type { UserRef } from '../accounts/users/user.ts';
import type { Room } from './room.ts';
import type { MemberRecord } from './room-record.ts';

/** Moves the place of a guest to an account. Nothing happens if the room does not know the guest. */
export async function mergeGuest(room: Room, guest: string, user: UserRef): Promise<void> {
  const { members, record } = room;
  const from = members.find(guest);
  if (!from) return;
  room.disconnect(guest, 'signedOut', 'You have signed in.');
  const before = members.find(user.id);
  const merged = mergedMember(from, before, user, {
    isAbove: user.id === record.owner || before?.role === 'moderator',
  });
  members.delete(guest);
  room.playlist.changeAuthor(guest, user.id);
  if (record.owner === guest) await room.changeRecord((now) => ({ ...now, owner: user.id }));
  room.memberChanged(merged);
  if (merged.state === 'banned') room.disconnect(user.id, 'banned', 'A moderator has banned you from this room.');
  await room.itemsChanged();
}

/** The place of an account that takes over that of a guest. @param isAbove the account owns or moderates the room: what was done to the guest does not bind it */
export function mergedMember(
  from: MemberRecord,
  to: MemberRecord | undefined,
  { id, name }: UserRef,
  { isAbove }: { readonly isAbove: boolean },
): MemberRecord {
  const times = {
    joinedMs: Math.min(from.joinedMs, to?.joinedMs ?? from.joinedMs),
    seenMs: Math.max(from.seenMs, to?.seenMs ?? 0),
  };
  if (to && isAbove) return { ...to, ...times };
  return {
    ...{ user: id, name, ...times },
    role: to?.role ?? (from.role === 'guest' ? 'member' : from.role),
    state: stateOf([from.state, ...(to ? [to.state] : [])]),
    allow: from.allow | (to?.allow ?? 0),
    deny: from.deny | (to?.deny ?? 0),
    mutedUntilMs: Math.max(from.mutedUntilMs, to?.mutedUntilMs ?? 0),
    letIn: from.letIn || (to?.letIn ?? false),
    address: from.address || (to?.address ?? ''),
  };
}

/** A ban stays a ban; apart from that the better place counts. */
function stateOf(states: readonly MemberRecord['state'][]): MemberRecord['state'] {
  return (['banned', 'active', 'pending', 'left'] as const).find((state) => states.includes(state))!;
}

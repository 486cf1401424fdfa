/**
 * A guest of a room who has signed in: the account gets the guest's place, with its permissions, mute and
 * ban.
 * In: an open room, the guest, the account. Out: one member in place of two.
 */
import type { UserRef } from '../../../accounts/users/user.ts';
import type { Room } from '../room.ts';
import { mergedMember } from './merged-member.ts';

/** Moves the place of a guest to an account. Nothing happens if the room does not know the guest. */
export async function mergeGuest(room: Room, guest: string, user: UserRef): Promise<void> {
  const { members, record } = room.state;
  const from = members.find(guest);
  if (!from) return;
  room.disconnect(guest, 'signedOut', 'You have signed in.');
  const before = members.find(user.id);
  const merged = mergedMember(from, before, user, {
    isAbove: user.id === record.owner || before?.role === 'moderator',
  });
  members.delete(guest);
  room.state.playlist.changeAuthor(guest, user.id);
  if (record.owner === guest) await room.changes.record((now) => ({ ...now, owner: user.id }));
  room.changes.member(merged);
  if (merged.state === 'banned') room.disconnect(user.id, 'banned', 'A moderator has banned you from this room.');
  await room.changes.items();
}

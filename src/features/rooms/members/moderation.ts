/**
 * Actions of moderators: approve, kick, ban, mute, roles and permissions; and of people on themselves.
 * In: the actor, the person, the change. Out: a changed person, or a refusal. Everyone in the room is
 * notified.
 */
import type { UserRef } from '../../../accounts/users/user.ts';
import { permissionBits, type RoomPermission, type RoomRole } from '../../../api/room/permissions.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { Room } from '../room.ts';
import type { MemberRecord } from '../room-record.ts';
import { RANKS, rankOf } from './ranks.ts';

/** A change of a person. `role: owner` hands the room over. */
interface MemberChange {
  readonly role?: RoomRole;
  /** `active` lets in who waits, and ends a ban. */
  readonly state?: 'active' | 'banned';
  readonly allow?: number;
  readonly deny?: number;
  /** Ms since 1970; null: not muted any more. */
  readonly mutedUntilMs?: number | null;
}

/**
 * Changes a person. One may only act on people below oneself, and give no more than one has. Who has left the
 * room, or wrote one of its last messages, can be banned and muted.
 *
 * @param author the user, or guest, with this id; undefined: not known
 * @throws OxbowError `member-unknown`, `room-forbidden`, `bad-request`
 */
export async function changeMember(
  room: Room,
  by: UserRef,
  user: string,
  change: MemberChange,
  author?: UserRef,
): Promise<MemberRecord> {
  if (change.role === 'owner') return handOver(room, by, user);
  const isBound = change.state === 'banned' || (change.mutedUntilMs ?? 0) > 0;
  const member = findBelow(room, by, user, isBound ? departedOf(room, user, author) : undefined);
  const needs = new Set<RoomPermission>();
  const { role, state, allow, deny, mutedUntilMs } = change;
  if (role !== undefined || allow !== undefined || deny !== undefined) needs.add('setPermissions');
  if (mutedUntilMs !== undefined || state === 'banned') needs.add('moderate');
  if (state === 'active' && member.state !== 'active') needs.add(member.state === 'pending' ? 'approve' : 'moderate');
  for (const permission of needs) room.state.assertMay(by, permission);
  if (role !== undefined && RANKS[role] >= rankOf(room.state.members, by))
    throw new OxbowError('room-forbidden', `You cannot make someone ${role}: that is not below you.`);
  if (role === 'guest' || (member.role === 'guest' && role !== undefined))
    throw new OxbowError('bad-request', 'The role guest is that of people without an account.');
  // A denied bit that is given back counts as given.
  const grantedMask = ((allow ?? member.allow) & ~member.allow) | (member.deny & ~(deny ?? member.deny));
  if ((grantedMask & ~room.state.members.maskOf(by)) !== 0)
    throw new OxbowError('room-forbidden', 'You cannot give a permission that you lack.');
  const changed: MemberRecord = {
    ...member,
    ...(role !== undefined && { role: role as MemberRecord['role'] }),
    ...(allow !== undefined && { allow }),
    ...(deny !== undefined && { deny }),
    ...(mutedUntilMs !== undefined && { mutedUntilMs: mutedUntilMs ?? 0 }),
    ...stateOf(member, state),
  };
  room.changes.member(changed);
  if (state === 'banned') room.disconnect(user, 'banned', 'A moderator has banned you from this room.');
  await room.changes.save();
  return changed;
}

/**
 * Sends a person out; they may come back.
 *
 * @throws OxbowError `member-unknown`, `room-forbidden`
 */
export function kick(room: Room, by: UserRef, user: string): void {
  const member = findBelow(room, by, user);
  room.state.assertMay(by, 'moderate');
  if (member.state === 'pending') {
    forget(room, member);
    room.state.members.declined.add(user); // their page retries every few seconds: it must not wait again
  }
  room.disconnect(user, 'kicked', 'A moderator sent you out of this room.');
}

/**
 * A person leaves for good: the room forgets them.
 *
 * @throws OxbowError `room-owner`: the owner hands the room over, or deletes it
 */
export async function leaveRoom(room: Room, user: string): Promise<void> {
  if (user === room.state.record.owner)
    throw new OxbowError('room-owner', 'You own this room. Hand it over or delete it before you leave.');
  room.disconnect(user, 'left', 'You have left this room.');
  const member = room.state.members.find(user);
  if (!member) return;
  forget(room, member);
  await room.changes.save();
}

/** A person is no longer of the room. A ban or a mute stays: leaving is no way out of it. */
function forget(room: Room, member: MemberRecord): void {
  const isBound = member.state === 'banned' || member.mutedUntilMs > 0 || member.deny !== 0;
  if (isBound) {
    if (member.state !== 'banned') room.state.members.set({ ...member, state: 'left', letIn: false });
  } else {
    room.state.members.delete(member.user);
    if (member.state === 'active') room.state.members.departed.add(member);
  }
  room.changes.memberLeft(member.user);
}

/** The room gets another owner; the old one stays as a moderator. */
async function handOver(room: Room, by: UserRef, user: string): Promise<MemberRecord> {
  const { record, members } = room.state;
  if (by.id !== record.owner && by.role !== 'admin')
    throw new OxbowError('room-forbidden', 'Only the owner can hand the room over.');
  const member = members.find(user);
  if (member?.state !== 'active') throw memberUnknown(user);
  if (member.role === 'guest') throw new OxbowError('bad-request', 'A guest cannot own a room.');
  const before = members.find(record.owner);
  await room.changes.record((now) => {
    if (now.owner !== record.owner) throw new OxbowError('room-forbidden', 'The room has another owner already.');
    return { ...now, owner: user };
  });
  const owner: MemberRecord = { ...member, role: 'moderator', allow: 0, deny: 0, mutedUntilMs: 0, letIn: true };
  room.changes.member(owner);
  if (before && before.user !== user) room.changes.member({ ...before, role: 'moderator' });
  await room.changes.save();
  return owner;
}

function stateOf(member: MemberRecord, state: MemberChange['state']): Partial<MemberRecord> {
  if (state === undefined || state === member.state) return {};
  if (state === 'active') return { state: member.state === 'banned' ? 'left' : 'active', address: '' };
  // A guest comes back under another name: the address that it used last is banned too.
  return { state, letIn: false, address: member.role === 'guest' ? member.address : '' };
}

/** A person who has left, or whose message is among the last ones. */
function departedOf(room: Room, user: string, author: UserRef | undefined): MemberRecord | undefined {
  const departed = room.state.members.departed.find(user);
  if (departed || !author) return departed;
  const message = room.chat.history(undefined, user).messages.findLast((each) => each.author === user);
  if (!message) return undefined;
  const { sentMs } = message;
  const role = author.role === 'guest' ? 'guest' : 'member';
  const none = { allow: 0, deny: 0, mutedUntilMs: 0, letIn: false, address: '' };
  return { user, name: author.name, role, state: 'left', joinedMs: sentMs, seenMs: sentMs, ...none };
}

function findBelow(room: Room, by: UserRef, user: string, departed?: MemberRecord): MemberRecord {
  const member = room.state.members.find(user) ?? departed;
  if (!member) throw memberUnknown(user);
  const rank = RANKS[room.state.members.roleOf({ id: user, role: member.role === 'guest' ? 'guest' : 'user' })];
  if (rank >= rankOf(room.state.members, by))
    throw new OxbowError('room-forbidden', 'You may not do this to someone who is not below you.');
  return member;
}

/** The error for a person that a room does not know. */
export function memberUnknown(user: string): OxbowError {
  return new OxbowError('member-unknown', `The room knows no one with the id "${user.slice(0, 80)}".`);
}

/** Every bit that has a meaning. */
export const KNOWN_BITS = Object.values(permissionBits).reduce((mask, bit) => mask | bit, 0);

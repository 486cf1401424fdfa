/**
 * Who may come in, and who is shown what plays.
 * In: a person, the room, who is in it. Out: a refusal, or none. Pure.
 */
import type { UserRef } from '../../accounts/users/user.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Members } from './members/members.ts';
import type { Participants } from './participants/participants.ts';
import type { MemberRecord, RoomRecord } from './room-record.ts';

/** Facts that admission depends on. */
interface AdmissionFacts {
  readonly record: RoomRecord;
  readonly members: Members;
  readonly participants: Participants;
  /** Most people in any room. */
  readonly capacity: number;
}

/**
 * Why a person may not come in; undefined: they may. Those who moderate are never refused.
 *
 * @returns OxbowError `room-banned`, `room-guests-off`, `room-password`, `room-pending`, `room-kicked`,
 *   `room-full`
 */
export function refusalOf(user: UserRef, address: string, facts: AdmissionFacts): OxbowError | undefined {
  const { record, members, participants } = facts;
  const member = members.find(user.id);
  if (isAlwaysIn(user, record)) return undefined;
  const refusal =
    user.role === 'guest' && members.isBannedAddress(address) ? banned() : exclusionOf(user, member, record);
  // A password that is set meanwhile is for newcomers; people in the room write and vote as before.
  const isHere = participants.count(user.id) > 0;
  if (refusal && !(isHere && refusal.code === 'room-password'))
    return refusal.code === 'room-pending' && members.declined.has(user.id) ? turnedAway() : refusal;
  if (isHere || member?.role === 'moderator') return undefined;
  const most = Math.min(record.capacity ?? facts.capacity, facts.capacity);
  if (participants.size >= most) return new OxbowError('room-full', `This room has places for ${most} people.`);
  return undefined;
}

/**
 * Whether someone outside is shown what plays: they may come in, if there is a place.
 * @param reader undefined: not signed in, as a new guest
 */
export function seesMedia(
  reader: UserRef | undefined,
  member: MemberRecord | undefined,
  record: Pick<RoomRecord, 'owner' | 'password' | 'options'>,
): boolean {
  return !exclusionOf(reader ?? { id: '', role: 'guest' }, member, record);
}

function exclusionOf(
  user: Pick<UserRef, 'id' | 'role'>,
  member: MemberRecord | undefined,
  record: Pick<RoomRecord, 'owner' | 'password' | 'options'>,
): OxbowError | undefined {
  if (isAlwaysIn(user, record)) return undefined;
  if (member?.state === 'banned') return banned();
  if (member?.role === 'moderator') return undefined;
  if (user.role === 'guest' && !record.options.guests)
    return new OxbowError('room-guests-off', 'People without an account may not enter this room.');
  if (record.password !== null && !member?.letIn) return new OxbowError('room-password', 'This room has a password.');
  if (record.options.approve && member?.state !== 'active')
    return new OxbowError('room-pending', 'A moderator has to let you in.');
  return undefined;
}

function isAlwaysIn(user: Pick<UserRef, 'id' | 'role'>, { owner }: Pick<RoomRecord, 'owner'>): boolean {
  return user.role === 'admin' || user.id === owner;
}

function turnedAway(): OxbowError {
  return new OxbowError('room-kicked', 'A moderator did not let you in.');
}

function banned(): OxbowError {
  return new OxbowError('room-banned', 'A moderator has banned you from this room.');
}

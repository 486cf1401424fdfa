/**
 * Who may come in.
 * In: a person, the room, who is in it. Out: a refusal, or none. Pure.
 */
import type { UserRef } from '../accounts/users/user.ts';
import { OxbowError } from '../lib/errors.ts';
import type { Members } from './members.ts';
import type { Presence } from './presence.ts';
import type { RoomRecord } from './room-record.ts';

/** What admission depends on. */
export interface Door {
  readonly record: RoomRecord;
  readonly members: Members;
  readonly presence: Presence;
  /** Most people in any room. */
  readonly capacity: number;
}

/**
 * Why a person may not come in; undefined: they may. Those who moderate are never refused.
 *
 * @returns OxbowError `room-banned`, `room-guests-off`, `room-password`, `room-pending`, `room-full`
 */
export function refusalOf(user: UserRef, address: string, door: Door): OxbowError | undefined {
  const { record, members, presence } = door;
  const known = members.find(user.id);
  if (user.role === 'admin' || user.id === record.owner) return undefined;
  if (known?.state === 'banned' || (user.role === 'guest' && members.isBannedAddress(address)))
    return new OxbowError('room-banned', 'A moderator has banned you from this room.');
  if (known?.role === 'moderator') return undefined;
  if (user.role === 'guest' && !record.options.guests)
    return new OxbowError('room-guests-off', 'People without an account may not enter this room.');
  if (record.password !== null && !known?.letIn) return new OxbowError('room-password', 'This room has a password.');
  if (record.options.approve && known?.state !== 'active')
    return new OxbowError('room-pending', 'A moderator has to let you in.');
  const most = Math.min(record.capacity ?? door.capacity, door.capacity);
  if (presence.size >= most && presence.count(user.id) === 0)
    return new OxbowError('room-full', `This room has places for ${most} people.`);
  return undefined;
}

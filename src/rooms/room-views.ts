/**
 * Rooms, people and entries as JSON.
 * In: records. Out: shapes of api/room. Pure.
 */
import { printRfc3339 } from '../api/instant.ts';
import type { RoomItem } from '../api/room/item-shapes.ts';
import type { MemberView, RoomView } from '../api/room/room-shapes.ts';
import type { Members } from './members.ts';
import type { Presence } from './presence.ts';
import type { ItemRecord, MemberRecord, RoomRecord } from './room-record.ts';

/** A room. @param facts who owns it, how many are in it, what plays */
export function roomView(
  { id, name, owner, visibility, password, capacity, options, createdMs, expiresMs }: RoomRecord,
  {
    ownerName,
    present,
    playing,
    still,
    isSeen = true,
  }: {
    readonly ownerName: string;
    readonly present: number;
    readonly playing: string | null;
    readonly still: string | null;
    /** Whether the reader learns what plays; see admission.ts. */
    readonly isSeen?: boolean;
  },
): RoomView {
  return {
    id,
    name,
    visibility,
    capacity,
    options,
    present,
    ...(isSeen ? { playing, still } : { playing: null, still: null }),
    playingHidden: !isSeen,
    owner: { id: owner, name: ownerName },
    hasPassword: password !== null,
    createdAt: printRfc3339(createdMs),
    expiresAt: expiresMs === null ? null : printRfc3339(expiresMs),
  };
}

/** A person of a room. */
export function memberView(member: MemberRecord, members: Members, presence: Presence, nowMs: number): MemberView {
  const { user, name, state, allow, deny, mutedUntilMs } = member;
  const account = presence.find(user)?.user ?? { id: user, role: member.role === 'guest' ? 'guest' : 'user' };
  const [, offsetMs, buffering] = presence.offsetOf(user);
  return {
    user,
    name,
    allow,
    deny,
    offsetMs,
    buffering,
    role: members.roleOf(account),
    state: state === 'left' ? 'active' : state,
    permissions: members.maskOf(account),
    mutedUntil: mutedUntilMs > nowMs ? printRfc3339(mutedUntilMs) : null,
    present: presence.count(user),
  };
}

/**
 * An entry of a playlist.
 *
 * @param facts.address and facts.beside see RoomMedia
 * @param facts.seesHeaders request headers of a link are for its author and moderators
 */
export function itemView(
  { id, parent, name, target, addedBy }: ItemRecord,
  facts: Pick<RoomItem, 'addedByName' | 'address'> & {
    readonly beside: RoomItem['beside'] | undefined;
    readonly seesHeaders: boolean;
  },
): RoomItem {
  const { addedByName, address, beside, seesHeaders } = facts;
  const item = { id, parent, name, addedBy, addedByName, address, ...(beside && { beside }) };
  if (target.kind !== 'link' || seesHeaders) return { ...item, target };
  const { headers: _, ...shown } = target;
  return { ...item, target: shown };
}

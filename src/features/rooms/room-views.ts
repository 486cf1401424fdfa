/**
 * Rooms, people and entries as JSON.
 * In: an open room, records. Out: shapes of api/room.
 */
import type { UserRef } from '../../accounts/users/user.ts';
import { printRfc3339 } from '../../api/instant.ts';
import type { RoomItem } from '../../api/room/item-shapes.ts';
import type { RoomPermission } from '../../api/room/permissions.ts';
import type { PlaybackState } from '../../api/room/playback.ts';
import type { MemberView, RoomView } from '../../api/room/room-shapes.ts';
import { seesMedia } from './admission.ts';
import type { Members } from './members/members.ts';
import type { Participants } from './participants/participants.ts';
import type { Playlist } from './playlist/playlist.ts';
import { type RoomMedia, stillOf } from './room-media.ts';
import type { ItemRecord, MemberRecord, RoomRecord } from './room-record.ts';

/** The shown part of an open room. */
interface ViewedRoom {
  readonly record: RoomRecord;
  readonly members: Members;
  readonly participants: Participants;
  readonly playlist: Playlist;
  readonly playback: { readonly state: PlaybackState };
  readonly media: RoomMedia;
  may(user: Pick<UserRef, 'id' | 'role'>, permission: RoomPermission): boolean;
}

/** An open room, its people and its entries, always as they are now. */
export class RoomViews {
  readonly #room: ViewedRoom;
  readonly #nowMs: () => number;

  /** @param nowMs unix ms */
  constructor(room: ViewedRoom, nowMs: () => number) {
    this.#room = room;
    this.#nowMs = nowMs;
  }

  /** The room as everyone in it sees it. @param isSeen false: without what plays */
  room(isSeen = true): RoomView {
    const { record, members, participants, playlist, playback, media } = this.#room;
    const { state } = playback;
    const playing = state.item === null ? undefined : playlist.find(state.item);
    return roomView(record, {
      ownerName: members.find(record.owner)?.name ?? '',
      present: participants.size,
      playing: playing?.name ?? null,
      still: stillOf(media, playing?.target, state, this.#nowMs()),
      isSeen,
    });
  }

  /** The room as people outside see it. @param reader undefined: not signed in */
  roomFor(reader: UserRef | undefined): RoomView {
    const member = reader && this.#room.members.find(reader.id);
    return this.room(seesMedia(reader, member, this.#room.record));
  }

  /** A person as others see them. */
  member(member: MemberRecord): MemberView {
    const { members, participants } = this.#room;
    return memberView(member, members, participants, this.#nowMs());
  }

  /** Whether a person sees who waits and who is banned. */
  seesHidden(user: Pick<UserRef, 'id' | 'role'>): boolean {
    return this.#room.may(user, 'moderate') || this.#room.may(user, 'approve');
  }

  /**
   * The playlist.
   * @param reader sees the request headers of the links that they added; moderators see all. Undefined: none.
   */
  items(reader?: UserRef): readonly RoomItem[] {
    return this.#room.playlist.all.map((item) => this.item(item, reader));
  }

  /** One entry of the playlist. */
  item(item: ItemRecord, reader?: UserRef): RoomItem {
    const { members, media } = this.#room;
    return itemView(item, {
      addedByName: members.find(item.addedBy)?.name ?? '',
      address: media.address(item.target, item.signed),
      beside: media.besides(item.target, item.signed),
      seesHeaders: reader !== undefined && (reader.id === item.addedBy || this.#room.may(reader, 'moderate')),
    });
  }
}

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
    /** Whether the reader is shown what plays; see admission.ts. */
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
function memberView(member: MemberRecord, members: Members, participants: Participants, nowMs: number): MemberView {
  const { user, name, state, allow, deny, mutedUntilMs } = member;
  const account = participants.find(user)?.user ?? { id: user, role: member.role === 'guest' ? 'guest' : 'user' };
  const [, offsetMs, buffering] = participants.offsetOf(user);
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
    present: participants.count(user),
  };
}

/**
 * An entry of a playlist.
 *
 * @param facts.address and facts.beside see RoomMedia
 * @param facts.seesHeaders request headers of a link are for its author and moderators
 */
function itemView(
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

/**
 * Who gets which entries of a room's playlist: those who may see it all of them, the others the entry that plays.
 * In: an open room. Out: messages `items`.
 */
import type { UserRef } from '../../accounts/users/user.ts';
import type { RoomItem } from '../../api/room/item-shapes.ts';
import type { ServerMessage } from '../../api/room/messages.ts';
import type { RoomPermission } from '../../api/room/permissions.ts';
import type { PlaybackState } from '../../api/room/playback.ts';
import type { Presence } from '../presence.ts';
import type { ItemRecord } from '../room-record.ts';
import type { Playlist } from './playlist.ts';

/** What is needed of a room. */
export interface ItemRoom {
  readonly state: PlaybackState;
  readonly playlist: Playlist;
  readonly presence: Presence;
  may(user: Pick<UserRef, 'id' | 'role'>, permission: RoomPermission): boolean;
  items(): readonly RoomItem[];
  itemView(item: ItemRecord): RoomItem;
  broadcast(message: ServerMessage): void;
}

/** Whether everyone who is here may see the playlist. */
export function isListSeenByAll(room: ItemRoom): boolean {
  for (const { user } of room.presence.users) if (!room.may(user, 'list')) return false;
  return true;
}

/** The entries for one person. */
export function itemsFor(room: ItemRoom, user: UserRef): readonly RoomItem[] {
  if (room.may(user, 'list')) return room.items();
  const playing = room.state.item === null ? undefined : room.playlist.find(room.state.item);
  return playing ? [room.itemView(playing)] : [];
}

/** Sends the entries to everyone who is here. */
export function sendItems(room: ItemRoom): void {
  if (isListSeenByAll(room)) {
    room.broadcast({ t: 'items', items: room.items() });
    return;
  }
  for (const { user, peers } of room.presence.users) {
    const items = itemsFor(room, user);
    for (const peer of peers.keys()) peer.send({ t: 'items', items });
  }
}

/**
 * API calls of rooms.
 * In: the browser's session. Out: the shapes of src/api/room. Each call throws ApiError and aborts with
 * `signal`.
 */
import type { WatchAccessView } from '../../../src/api/access/watch-rules-shapes.ts';
import type { ItemTarget, RoomItem } from '../../../src/api/room/item-shapes.ts';
import type { ItemSource } from '../../../src/api/room/media-server-shapes.ts';
import type { MemberView, RoomOptions, RoomView } from '../../../src/api/room/room-shapes.ts';
import type { NewRoom, NewRoomItems, RoomItemPatch, RoomMemberPatch, RoomPatch } from '../../../src/client/client.ts';
import { askServer } from './client.ts';

export type { ItemSource, ItemTarget, MemberView, NewRoom, RoomItem, RoomOptions, RoomView };

/** What the owner and moderators change of a room. */
export type RoomChange = RoomPatch;
/** A new entry of a playlist. */
export type NewItem = NewRoomItems['items'][number];
/** What a moderator changes of a person. */
export type MemberChange = RoomMemberPatch;
/** Which rooms are listed. */
export type RoomScope = 'public' | 'mine' | 'joined';

/** A page of rooms. @param cursor of the page before */
export function listRooms(
  { scope, search }: { readonly scope: RoomScope; readonly search: string },
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<{ readonly items: readonly RoomView[]; readonly nextCursor: string | null }> {
  const query = { scope, ...(search !== '' && { search }), ...(cursor !== undefined && { cursor }) };
  return askServer(signal, (client, options) => client.listRooms(query, options));
}

/** Creates a room, owned by the user. */
export function createRoom(body: NewRoom, signal: AbortSignal): Promise<RoomView> {
  return askServer(signal, (client, options) => client.createRoom({ body }, options));
}

export function getRoom(id: string, signal: AbortSignal): Promise<RoomView> {
  return askServer(signal, (client, options) => client.getRoom({ id }, options));
}

/** The rules by network and country of a room, and whether a client may enter. */
export function getRoomAccess(
  id: string,
  query: { address?: string; country?: string },
  signal: AbortSignal,
): Promise<WatchAccessView> {
  return askServer(signal, (client, options) => client.getRoomAccess({ id, ...query }, options));
}

/** Changes a room. */
export function updateRoom(id: string, body: RoomPatch, signal: AbortSignal): Promise<RoomView> {
  return askServer(signal, (client, options) => client.updateRoom({ id, body }, options));
}

/** Deletes a room with its playlist and chat. */
export function deleteRoom(id: string, signal: AbortSignal): Promise<void> {
  return askServer(signal, (client, options) => client.deleteRoom({ id }, options));
}

/** Enters a room. @param password empty: none */
export function joinRoom(id: string, password: string, signal: AbortSignal): Promise<MemberView> {
  const body = password === '' ? {} : { password };
  return askServer(signal, (client, options) => client.joinRoom({ id, body }, options));
}

/** Leaves a room for good. The owner is refused. */
export function leaveRoom(id: string, signal: AbortSignal): Promise<void> {
  return askServer(signal, (client, options) => client.leaveRoom({ id }, options));
}

/** Everyone that the room knows: also people who wait, are away or are banned. */
export async function listMembers(id: string, signal: AbortSignal): Promise<readonly MemberView[]> {
  const { items } = await askServer(signal, (client, options) => client.listRoomMembers({ id }, options));
  return items;
}

/** Changes role, permissions, mute or state of a person. */
export function updateMember(id: string, user: string, body: MemberChange, signal: AbortSignal): Promise<MemberView> {
  return askServer(signal, (client, options) => client.updateRoomMember({ id, user, body }, options));
}

/** Sends a person out of the room; they may come back. */
export function kickMember(id: string, user: string, signal: AbortSignal): Promise<void> {
  return askServer(signal, (client, options) => client.deleteRoomMember({ id, user }, options));
}

/** Adds entries at the end of their folder. */
export async function addItems(id: string, items: NewItem[], signal: AbortSignal): Promise<readonly RoomItem[]> {
  const answer = await askServer(signal, (client, options) => client.createRoomItem({ id, body: { items } }, options));
  return answer.items;
}

/** Renames or moves an entry. */
export function updateItem(id: string, item: string, body: RoomItemPatch, signal: AbortSignal): Promise<RoomItem> {
  return askServer(signal, (client, options) => client.updateRoomItem({ id, item, body }, options));
}

/** Removes an entry, a folder with everything in it. */
export function removeItem(id: string, item: string, signal: AbortSignal): Promise<void> {
  return askServer(signal, (client, options) => client.deleteRoomItem({ id, item }, options));
}

/** Creates a guest: a name in this browser. */
export async function createGuest(name: string, signal: AbortSignal): Promise<void> {
  await askServer(signal, (client, options) => client.createGuest({ body: { name } }, options));
}

/** Where a player loads an entry from that is not media of this server. */
export function getItemSource(id: string, item: string, signal: AbortSignal): Promise<ItemSource> {
  return askServer(signal, (client, options) => client.getRoomItemSource({ id, item }, options));
}

/**
 * API calls of rooms.
 * In: the browser's session. Out: the shapes of src/api/room. Each call throws ApiError and aborts with `signal`.
 */
import type { ItemTarget, RoomItem } from '../../../src/api/room/item-shapes.ts';
import type { MemberView, RoomOptions, RoomView } from '../../../src/api/room/room-shapes.ts';
import { createRequester, type Input, type Operation } from '../../../src/client/request.ts';
import { askServer } from './client.ts';

export type { ItemTarget, MemberView, RoomItem, RoomOptions, RoomView };

/** What is chosen when a room is created or changed. */
export interface RoomWishes {
  readonly name?: string;
  readonly visibility?: RoomView['visibility'];
  /** Null: none from now on. */
  readonly password?: string | null;
  readonly capacity?: number | null;
  readonly expiresAt?: string | null;
  readonly options?: Partial<RoomOptions>;
}

/** A new entry of a playlist. */
export interface NewItem {
  readonly name?: string;
  readonly parent?: string | null;
  readonly target: ItemTarget;
}

/** Which rooms are listed. */
export type RoomScope = 'public' | 'mine' | 'joined';

const request = createRequester({ server: '', retries: 0 });
function ask<T>(signal: AbortSignal, operation: Operation, input: Input = {}): Promise<T> {
  return askServer(signal, (_client, options) => request<T>(operation, input, options));
}

/** A page of rooms. @param cursor of the page before */
export function listRooms(
  query: { readonly scope: RoomScope; readonly search: string },
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<{ readonly items: readonly RoomView[]; readonly nextCursor: string | null }> {
  const { scope, search } = query;
  return ask(signal, { method: 'GET', path: '/api/v1/rooms' }, { scope, ...(search && { search }), cursor });
}

/** Creates a room, owned by the user. */
export function createRoom(body: RoomWishes & { readonly name: string }, signal: AbortSignal): Promise<RoomView> {
  return ask(signal, { method: 'POST', path: '/api/v1/rooms' }, { body });
}

/** One room. */
export function getRoom(id: string, signal: AbortSignal): Promise<RoomView> {
  return ask(signal, { method: 'GET', path: '/api/v1/rooms/{id}' }, { id });
}

/** Changes a room. */
export function updateRoom(id: string, body: RoomWishes, signal: AbortSignal): Promise<RoomView> {
  return ask(signal, { method: 'PATCH', path: '/api/v1/rooms/{id}' }, { id, body });
}

/** Deletes a room with its playlist and chat. */
export function deleteRoom(id: string, signal: AbortSignal): Promise<void> {
  return ask(signal, { method: 'DELETE', path: '/api/v1/rooms/{id}' }, { id });
}

/** Enters a room. The answer has the state: a moderator may have to let this person in. */
export function joinRoom(id: string, password: string, signal: AbortSignal): Promise<MemberView> {
  const body = password === '' ? {} : { password };
  return ask(signal, { method: 'POST', path: '/api/v1/rooms/{id}/join' }, { id, body });
}

/** Everyone that the room knows: also people who wait, are away or are banned. */
export async function listMembers(id: string, signal: AbortSignal): Promise<readonly MemberView[]> {
  const { items } = await ask<{ items: readonly MemberView[] }>(
    signal,
    { method: 'GET', path: '/api/v1/rooms/{id}/members' },
    { id },
  );
  return items;
}

/** What a moderator changes of a person. */
export type MemberChange = Partial<
  Pick<MemberView, 'role' | 'state' | 'allow' | 'deny'> & { readonly mutedUntil: string | null }
>;

/** Changes role, permissions, mute or state of a person. */
export function updateMember(id: string, user: string, body: MemberChange, signal: AbortSignal): Promise<MemberView> {
  return ask(signal, { method: 'PATCH', path: '/api/v1/rooms/{id}/members/{user}' }, { id, user, body });
}

/** Sends a person out of the room; they may come back. */
export function kickMember(id: string, user: string, signal: AbortSignal): Promise<void> {
  return ask(signal, { method: 'DELETE', path: '/api/v1/rooms/{id}/members/{user}' }, { id, user });
}

/** Adds entries at the end of their folder. */
export async function addItems(
  id: string,
  items: readonly NewItem[],
  signal: AbortSignal,
): Promise<readonly RoomItem[]> {
  const answer = await ask<{ items: readonly RoomItem[] }>(
    signal,
    { method: 'POST', path: '/api/v1/rooms/{id}/items' },
    { id, body: { items } },
  );
  return answer.items;
}

/** Renames or moves an entry. @param body `before`: the entry that follows it; null: at the end */
export function updateItem(
  id: string,
  item: string,
  body: { readonly name?: string; readonly parent?: string | null; readonly before?: string | null },
  signal: AbortSignal,
): Promise<RoomItem> {
  return ask(signal, { method: 'PATCH', path: '/api/v1/rooms/{id}/items/{item}' }, { id, item, body });
}

/** Removes an entry, a folder with everything in it. */
export function removeItem(id: string, item: string, signal: AbortSignal): Promise<void> {
  return ask(signal, { method: 'DELETE', path: '/api/v1/rooms/{id}/items/{item}' }, { id, item });
}

/** The account of this browser; null: not signed in. */
export interface Visitor {
  readonly id: string;
  readonly name: string;
  readonly role: 'guest' | 'user' | 'admin';
}

/** Who uses this browser. */
export async function getVisitor(signal: AbortSignal): Promise<Visitor | null> {
  const me = await ask<{ readonly user?: Visitor | null }>(signal, { method: 'GET', path: '/api/v1/me' });
  return me?.user ?? null;
}

/** Creates a guest: a name in this browser. */
export async function createGuest(name: string, signal: AbortSignal): Promise<void> {
  await ask(signal, { method: 'POST', path: '/api/v1/guests' }, { body: { name } });
}

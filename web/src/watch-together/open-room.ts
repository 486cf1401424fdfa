/**
 * Creates a room, with something to watch, and opens its page.
 * In: forms and buttons. Out: the page of the room.
 */
import { addItems, createRoom, type NewItem, type NewRoom } from '../api/rooms.ts';
import { navigation } from '../navigation/navigation.svelte.ts';
import { roomPath } from '../routes.ts';
import { visits } from './arrival.ts';

/** Timeout of both requests, milliseconds. */
const WITHIN_MS = 30_000;

export interface FirstItem extends NewItem {
  /** Where it begins, ms, UTC or from the start; null: live, or at the start. */
  readonly positionMs: number | null;
}

/** Creates a room and opens it. Throws ApiError. */
export async function openRoom(room: NewRoom, first?: FirstItem): Promise<void> {
  const signal = AbortSignal.timeout(WITHIN_MS);
  const { id } = await createRoom(room, signal);
  if (first) {
    const { positionMs, ...item } = first;
    const [added] = await addItems(id, [item], signal);
    if (added) visits.begin(added.id, positionMs);
  }
  visits.expect(id);
  navigation.go(roomPath(id));
}

/**
 * API calls for the messages and polls of a room.
 * In: the room's id. Out: the shapes of src/api/room. Each call throws ApiError and aborts with `signal`.
 */
import type { RoomMessage, RoomPoll } from '../../../src/api/room/chat-shapes.ts';
import { askServer } from './client.ts';

export type { RoomMessage, RoomPoll };

/** A poll to create. */
interface NewPoll {
  readonly question: string;
  readonly choices: readonly string[];
  readonly multiple: boolean;
}

/** Messages of the history before a number, oldest first. */
export function listMessages(
  room: string,
  before: number,
  signal: AbortSignal,
): Promise<{ readonly items: readonly RoomMessage[]; readonly hasMore: boolean }> {
  return askServer(signal, (client, options) =>
    client.listRoomMessages({ id: room, before: String(before), limit: '100' }, options),
  );
}

/** A stretch of the media of an entry, ms: UTC or from the start. */
export interface Stretch {
  readonly item: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** At most this many pages of a stretch are requested, of 500 messages each. */
const MAX_PAGES = 4;

/** Chat and danmaku that were written to a stretch of media, in its order. */
export async function listReplay(
  room: string,
  { item, fromMs, toMs }: Stretch,
  signal: AbortSignal,
): Promise<RoomMessage[]> {
  const query = { id: room, item, from: String(fromMs), to: String(toMs), limit: '500' };
  const messages: RoomMessage[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < MAX_PAGES && (page === 0 || cursor !== null); page++) {
    const answer: { items: readonly RoomMessage[]; nextCursor: string | null } = await askServer(
      signal,
      (client, options) => client.listRoomReplay({ ...query, ...(cursor !== null && { cursor }) }, options),
    );
    messages.push(...answer.items);
    cursor = answer.nextCursor;
  }
  return messages;
}

export function createPoll(room: string, poll: NewPoll, signal: AbortSignal): Promise<RoomPoll> {
  const body = { ...poll, choices: [...poll.choices] };
  return askServer(signal, (client, options) => client.createRoomPoll({ id: room, body }, options));
}

/** Closes a poll: votes are final. */
export function closePoll(room: string, poll: string, signal: AbortSignal): Promise<RoomPoll> {
  return askServer(signal, (client, options) => client.closeRoomPoll({ id: room, poll }, options));
}

export function deletePoll(room: string, poll: string, signal: AbortSignal): Promise<void> {
  return askServer(signal, (client, options) => client.deleteRoomPoll({ id: room, poll }, options));
}

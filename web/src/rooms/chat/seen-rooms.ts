/**
 * The last message that was seen in each room, stored in the browser.
 * In: the chat. Out: the same numbers at the next visit. Bounded.
 */
import { readStored, store } from '../../viewer/storage.ts';

const KEY = 'oxbow.roomsSeen';
/** Rooms that are remembered; the one that was not visited for longest is forgotten. */
export const MAX_ROOMS = 50;

/** The stored numbers by room, those used last at the end; nothing if the text is invalid. */
export function readSeen(text: string): Map<string, number> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (!Array.isArray(parsed)) return new Map();
    const pairs = parsed.filter(
      (pair): pair is [string, number] =>
        Array.isArray(pair) && typeof pair[0] === 'string' && Number.isSafeInteger(pair[1]) && pair[1] >= 0,
    );
    return new Map(pairs.slice(-MAX_ROOMS));
  } catch {
    return new Map();
  }
}

/** The rooms of this browser. */
export const seenRooms = {
  /** Number of the last message that was seen; undefined: never there, or forgotten. */
  last(room: string): number | undefined {
    return readSeen(readStored(KEY) ?? '[]').get(room);
  },
  put(room: string, seq: number): void {
    const seen = readSeen(readStored(KEY) ?? '[]');
    seen.delete(room);
    seen.set(room, seq);
    store(KEY, JSON.stringify([...seen].slice(-MAX_ROOMS)));
  },
};

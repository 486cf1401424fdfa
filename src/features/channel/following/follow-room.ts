/**
 * Follows a room for one channel: reads what it plays, again and again, and whether the channel may show it.
 * In: the room, wherever it is open; the definition of the channel. Out: calls of `followed`.
 */
import type { RoomReading } from '../../../api/room/room-reading.ts';
import { sleep } from '../../../lib/abort.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { StreamDefinition } from '../../../streams/definition.ts';
import { type Followed, followedOf } from '../plan/followed.ts';
import { findItemMedia, type ItemMediaParts, watchedStream } from './item-media.ts';

/** A room of this process is read this often, ms; one of another or a closed one costs queries. */
const HERE_MS = 250;
const ELSEWHERE_MS = 1000;

/** Dependencies of following. */
export interface FollowerParts extends ItemMediaParts {
  readonly rooms: () => RoomReading;
  readonly clock: Clock;
  /** A failed query, for the log. */
  readonly failed: (error: unknown) => void;
}

/** A channel that follows a room. */
interface FollowingChannel {
  readonly room: string;
  /** The definition of its stream now; undefined: it is being closed. */
  readonly definition: () => StreamDefinition | undefined;
  /** What it plays has changed. */
  readonly followed: (next: Followed) => void;
  /** The room was deleted; called again until it succeeds. @throws errors of the store */
  readonly gone: () => Promise<void>;
}

/** Follows until aborted, or until the room is deleted. */
export async function followRoom(
  { room, definition, followed, gone }: FollowingChannel,
  parts: FollowerParts,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  let known = '';
  while (!signal.aborted) {
    let pauseMs = ELSEWHERE_MS;
    try {
      const read = await parts.rooms().read(room);
      if (!read) {
        known = '';
        if (!signal.aborted) await gone();
        return;
      }
      const own = definition();
      if (own) {
        const channel = watchedStream(own, parts.watchRules());
        const media = read.item && (await findItemMedia(read.item.target, own.id, parts));
        const next = followedOf(read, channel, media, parts.clock.nowMs());
        const text = JSON.stringify(next);
        if (text !== known && !signal.aborted) followed(next);
        known = text;
      }
      if (read.isHere) pauseMs = HERE_MS;
    } catch (error) {
      parts.failed(error);
    }
    await sleep(pauseMs, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
  }
}

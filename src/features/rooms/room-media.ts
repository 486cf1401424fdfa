/**
 * The media of this server, as rooms use it: streams, their recordings, and assets.
 * In: entries of playlists. Out: playable media, and where it ends. open/open-rooms.ts implements it.
 */

import type { UserRef } from '../../accounts/users/user.ts';
import type { ItemTarget, RoomItem } from '../../api/room/item-shapes.ts';
import { type PlaybackState, positionAt } from '../../api/room/playback.ts';
import type { MediaSpan, StreamTimeline } from '../../streams/timeline/stream-timeline.ts';

/** The media of an entry. */
export type RoomItemMedia =
  /** Positions in programme time. `range`: nothing else of it is played. */
  | { readonly kind: 'timeline'; readonly range: MediaSpan | undefined; readonly timeline: StreamTimeline }
  /** Positions from the start. `durationMs` is undefined where only players know it. */
  | { readonly kind: 'file'; readonly durationMs: number | undefined }
  /** Live media from elsewhere: every player is at its own edge. */
  | { readonly kind: 'live' };

/** The media of this server. */
export interface RoomMedia {
  /**
   * Checks that an entry can be played and that its author may watch it.
   *
   * @returns the name of an entry that has none; `signed`: the media is not open to all, so its address needs
   *   a playback token
   * @throws OxbowError `stream-unknown`, `asset-unknown`, `bad-request`
   */
  check(target: ItemTarget, author: UserRef): Promise<{ readonly name: string; readonly signed: boolean }>;
  /** The media of an entry; undefined: it is gone. */
  open(target: ItemTarget): Promise<RoomItemMedia | undefined>;
  /**
   * Path of its HLS playlist; null: not media of this server.
   *
   * @param isSigned with a playback token, valid for 5 to 10 minutes: the room sends it again before it ends
   */
  address(target: ItemTarget, isSigned: boolean): string | null;
  /** Path of a still at an instant, unix ms; null: no public stream. */
  still(target: ItemTarget, atMs: number): string | null;
  /** The same for the streams that are shown next to the first one; undefined: there are none. */
  besides(target: ItemTarget, isSigned: boolean): RoomItem['beside'] | undefined;
}

/** The newest media may have no still yet, ms. */
const STILL_BEHIND_MS = 6000;

/**
 * The still of a room: of the live edge, or of where the room is.
 * @param target of the entry that plays; undefined: none
 */
export function stillOf(
  media: Pick<RoomMedia, 'still'>,
  target: ItemTarget | undefined,
  state: PlaybackState,
  nowMs: number,
): string | null {
  if (!target) return null;
  const lastMs = nowMs - STILL_BEHIND_MS;
  return media.still(target, state.live ? lastMs : Math.min(positionAt(state, nowMs), lastMs));
}

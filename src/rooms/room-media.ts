/**
 * What rooms ask of the media of this server: streams, their recordings, and assets.
 * In: entries of playlists. Out: what can be played, and where it ends. app/rooms.ts implements it.
 */
import type { UserRef } from '../accounts/users/user.ts';
import type { ItemTarget } from '../api/room/item-shapes.ts';

/** Media whose positions are programme time. Times are unix ms. */
export interface RoomTimeline {
  /** End of the newest media; undefined: the stream is not live. */
  edgeMs(): number | undefined;
  /** How far from the edge every player can be, ms. */
  readonly distanceMs: number;
  /**
   * The first media at or after a position: the position itself within media.
   *
   * @returns undefined if there is none yet
   */
  next(positionMs: number): Promise<number | undefined>;
}

/** The media of an entry. */
export type RoomItemMedia =
  /** Positions in programme time. `toMs`: a range ends there. */
  | {
      readonly kind: 'timeline';
      readonly fromMs?: number;
      readonly toMs?: number;
      readonly timeline: RoomTimeline;
    }
  /** Positions from the start. `durationMs` is undefined where only players know it. */
  | { readonly kind: 'file'; readonly durationMs: number | undefined }
  /** Live media from elsewhere: every player is at its own edge. */
  | { readonly kind: 'live' };

/** The media of this server. */
export interface RoomMedia {
  /**
   * Checks that an entry can be played and that its author may watch it.
   *
   * @returns the name of an entry that has none
   * @throws OxbowError `stream-unknown`, `asset-unknown`, `bad-request`
   */
  check(target: ItemTarget, author: UserRef): Promise<{ readonly name: string }>;
  /** The media of an entry; undefined: it is gone. */
  open(target: ItemTarget): Promise<RoomItemMedia | undefined>;
  /** Path of its HLS playlist, with a playback token where the media is not open to all; undefined: not media of this server. */
  address(target: ItemTarget): string | undefined;
}

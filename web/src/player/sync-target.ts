/**
 * What keeps several pictures in step: the same view of each player, of streams, videos and links.
 * In: nothing. Out: a contract between players and the room. Positions are ms: UTC for streams, from the
 * start for everything else.
 */
import type { MediaRequests } from '../media/requests.ts';
import type { MediaState } from '../media/state.ts';
import type { Clock } from '../time/clock.ts';

export interface ShownFrame {
  /** When it reached the screen, on the page's steady clock, ms. */
  readonly atMs: number;
  readonly positionMs: number;
}

/** A player that a room controls. */
export interface SyncTarget {
  /** The last frames since a seek, oldest first, at most seven. */
  readonly frames: readonly ShownFrame[];
  /** It loads or seeks: frames and further seeks mean nothing until that has ended. */
  readonly busy: boolean;
  /** It waits for media although it should play. */
  readonly waits: boolean;
  readonly paused: boolean;
  readonly pictured: boolean;
  readonly ended: boolean;
  /** Length of the media, ms; null where it has no end. */
  readonly durationMs: number | null;
  /** Media ahead of the picture, seconds. */
  readonly aheadS: number;
  /** Duration of a frame, ms. */
  readonly frameMs: number;
  /** Whether the media at a position is in the browser. */
  isBuffered(positionMs: number): boolean;
  /** Whether there is media at a position, in the browser or not. */
  exists(positionMs: number): boolean;
  /**
   * Plays or pauses at a speed.
   *
   * @param atMs where to go; null: stays
   * @returns false: it does not go there, because the media of this position is not there yet
   */
  follow(atMs: number | null, playing: boolean, rate: number): boolean;
  /**
   * A correction of the speed, 1 for none: a factor of that of `follow`. 0: the picture stays, and media is
   * loaded.
   */
  correct(factor: number): void;
  /**
   * The network is too slow: plays the next lower quality, if the player chooses it. False: it may choose
   * every quality again.
   */
  ease?(isSlow: boolean): void;
}

/** A room that a player is in: the room plays and pauses it, the viewer's requests go to the room. */
export interface RoomLink {
  /** The server's time. */
  readonly clock: Clock;
  /** The room controls the player until the returned function is called. */
  attach(target: SyncTarget): () => void;
  /** The controls that the page shows. */
  controls(local: MediaRequests, shown: () => MediaState): MediaRequests;
}

/**
 * What a player's page knows of a room: the room plays and pauses the player, the viewer's requests go to the room.
 * In: nothing. Out: a contract between players and rooms.
 */
import type { PlayerControls, Snapshot } from '../player/snapshot.ts';
import type { SyncTarget } from '../player/sync-target.ts';

/** A room that a player is in. */
export interface RoomLink {
  /** The room controls the player until the returned function is called. */
  attach(target: SyncTarget): () => void;
  /** The controls that the page shows. */
  controls(local: PlayerControls, shown: () => Snapshot): PlayerControls;
}

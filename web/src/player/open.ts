/**
 * Opens the player that a browser is able to run.
 * In: what a player is made of. Out: a player, or none.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import type { MediaRequests } from '../media/requests.ts';
import { Player, type PlayerOptions } from './player.ts';
import type { SyncTarget } from './sync-target.ts';
import { NativePlayer, playsNatively } from './video/native.ts';

/** A player of either kind. */
export interface OpenPlayer {
  readonly controls: MediaRequests;
  /** For rooms; null: this browser cannot be kept in step. */
  readonly target: SyncTarget | null;
  streamChanged(view: StreamView): void;
  /** What loads live segments has changed. */
  liveChanged(): void;
  close(): void;
}

/**
 * The full player where there are Media Source Extensions (or Apple's managed ones), else the native one;
 * null where neither is.
 */
export function openPlayer(parts: PlayerOptions): OpenPlayer | null {
  if (parts.Hls.isSupported()) return new Player(parts);
  return playsNatively(parts.surface.ownerDocument) ? new NativePlayer(parts) : null;
}

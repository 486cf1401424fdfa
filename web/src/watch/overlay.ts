/**
 * The overlay of the picture, and whether the page is live.
 * In: the player's snapshot, the stream from the server, whether oxbow responds. Out: Stage, the title, the
 * live button. Pure.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import { type Failure, isLost } from '../api/client.ts';
import type { MediaState } from '../media/state.ts';

/** The overlay of the picture, the most important first. */
type Overlay = 'failure' | 'offline' | 'waiting' | 'play' | 'none';

/**
 * Chooses the overlay.
 *
 * @param stream null before the first response
 * @param lost why oxbow does not respond; null while it does. The page says so once: no second message, no
 *   wheel
 */
export function overlayOf(player: MediaState, stream: StreamView | null, lost: Failure | null = null): Overlay {
  const overlay = withoutOutage(player, stream);
  if (lost === null) return overlay;
  return overlay === 'waiting' || (overlay === 'failure' && isLost(player.failure!)) ? 'none' : overlay;
}

function withoutOutage(player: MediaState, stream: StreamView | null): Overlay {
  if (player.failure) return 'failure';
  // Not yet reported by the server, or live again and not yet loaded.
  if (player.mode === 'offline') return stream === null || isComing(player, stream) ? 'waiting' : 'offline';
  // The server knows before the player that no media arrives; a picture that still plays stays visible.
  if (player.mode === 'live' && player.loading && stream !== null && !isComing(player, stream) && !stream.away)
    return 'offline';
  if (player.mode === 'idle' || player.loading) return 'waiting';
  return player.paused ? 'play' : 'none';
}

/**
 * It is live, or was a moment ago and connects to its source: after a restart of oxbow the last picture
 * stays.
 */
function isComing({ pictured }: MediaState, { state }: StreamView): boolean {
  return state === 'live' || (state === 'starting' && pictured);
}

/**
 * Whether the page is live: the player is at the edge, and the last request to oxbow was answered.
 *
 * @param lost why it does not respond; null while it does
 */
export function isLive(player: MediaState, lost: Failure | null): boolean {
  return player.atEdge && !player.paused && player.failure === null && lost === null;
}

/** The title of the page: a dot before the name while live. */
export function titleOf(name: string, live: boolean): string {
  return `${live ? '● ' : ''}${name} · oxbow`;
}

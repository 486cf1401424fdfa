/**
 * The overlay of the picture, and whether the page is live.
 * In: the player's snapshot, the stream from the server, whether oxbow responds. Out: Stage, the title, the live button. Pure.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import type { Failure } from '../api/client.ts';
import type { Snapshot } from '../player/snapshot.ts';

/** The overlay of the picture, the most important first. */
export type Overlay = 'failure' | 'offline' | 'waiting' | 'play' | 'none';

/**
 * Chooses the overlay.
 *
 * @param stream null before the first response
 */
export function overlayOf(player: Snapshot, stream: StreamView | null): Overlay {
  if (player.failure) return 'failure';
  if (player.mode === 'offline') return stream === null ? 'waiting' : 'offline'; // not yet reported by the server
  // The server knows before the player that no media arrives; a picture that still plays stays visible.
  if (player.mode === 'live' && player.loading && stream !== null && stream.state !== 'live' && !stream.away)
    return 'offline';
  if (player.mode === 'idle' || player.loading) return 'waiting';
  return player.paused ? 'play' : 'none';
}

/**
 * Whether the page is live: the player is at the edge, and the last request to oxbow was answered.
 *
 * @param lost why it does not respond; null while it does
 */
export function isLive(player: Snapshot, lost: Failure | null): boolean {
  return player.atEdge && !player.paused && player.failure === null && lost === null;
}

/** The title of the page: a dot before the name while live. */
export function titleOf(name: string, live: boolean): string {
  return `${live ? '● ' : ''}${name} · oxbow`;
}

const unreachableStatus = new Set([0, 502, 503, 504]);

/** Whether a failure means that oxbow is not reachable, as opposed to a refusal: no response, or an error of a proxy. */
export function isLost(failure: Failure): boolean {
  return failure.code !== 'not-ready' && unreachableStatus.has(failure.status);
}

/**
 * What lies over the picture now, and whether the page may call itself live.
 * In: the player's snapshot, the stream as the server told it, whether oxbow answers. Out: Stage, the title, the live button. Pure.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import type { Failure } from '../api/client.ts';
import type { Snapshot } from '../player/snapshot.ts';

/** The one thing that lies over the picture, the most important first. */
export type Overlay = 'failure' | 'offline' | 'waiting' | 'play' | 'none';

/**
 * Chooses what lies over the picture.
 *
 * @param stream null before the first answer
 */
export function overlayOf(player: Snapshot, stream: StreamView | null): Overlay {
  if (player.failure) return 'failure';
  if (player.mode === 'offline') return stream === null ? 'waiting' : 'offline'; // nobody has said so yet
  // The server knows sooner than the player that no media comes; while a picture goes on it is still worth looking at.
  if (player.mode === 'live' && player.loading && stream !== null && stream.state !== 'live') return 'offline';
  if (player.mode === 'idle' || player.loading) return 'waiting';
  return player.paused ? 'play' : 'none';
}

/**
 * Whether what is shown is now: the player is at the edge, and oxbow answered when it was last asked.
 *
 * @param lost why it does not answer; null while it does
 */
export function isLive(player: Snapshot, lost: Failure | null): boolean {
  return player.atEdge && !player.paused && player.failure === null && lost === null;
}

/** The title of the page: a dot before the name while it is live. */
export function titleOf(name: string, live: boolean): string {
  return `${live ? '● ' : ''}${name} · oxbow`;
}

const unreachableStatus = new Set([0, 502, 503, 504]);

/** Whether a failure means that oxbow is not there, rather than that it refused: itself, or by the word of a proxy in between. */
export function isLost(failure: Failure): boolean {
  return failure.code !== 'not-ready' && unreachableStatus.has(failure.status);
}

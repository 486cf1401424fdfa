/**
 * Opens the player of a stream, at the requested time.
 * In: the session of a page, hls.js. Out: a player.
 */
import type Hls from 'hls.js';
import type { MediaState } from '../media/state.ts';
import { type OpenPlayer, openPlayer } from '../player/open.ts';
import type { LiveLoading } from '../player/video/video-buffer.ts';
import { playedView } from '../rules/past.ts';
import type { TimeSpan } from '../time/span.ts';
import type { TimelineState } from '../timeline/state.svelte.ts';
import type { Connection } from './connection.svelte.ts';

/** What a player needs of a session, on a watch page or embedded. */
interface PlayerSession {
  readonly name: string;
  readonly connection: Connection;
  readonly timeline: TimelineState;
  /** Absent: all segments come from the server. */
  readonly choices?: { readonly peers: { readonly loading: () => LiveLoading | null } };
}

/**
 * Creates the player of a session.
 *
 * @param surface a positioned box; the player fills it
 * @returns null if this browser cannot play
 */
export function playerFor(
  { name, connection, timeline, choices }: PlayerSession,
  engine: typeof Hls,
  surface: HTMLElement,
  onChange: (snapshot: MediaState) => void,
): OpenPlayer | null {
  const { clock } = connection;
  return openPlayer({
    Hls: engine,
    surface,
    stream: name,
    recorded: timeline.recorded,
    now: clock.now,
    networkS: () => clock.networkS,
    onChange,
    ...(choices && { liveLoading: choices.peers.loading }),
  });
}

/**
 * Starts to play.
 *
 * @param atMs unix milliseconds; null for now
 * @param span plays in a loop; null for none
 */
export function beginAt(
  player: OpenPlayer,
  { stream, firstMs }: Pick<Connection, 'stream' | 'firstMs'>,
  atMs: number | null,
  span: TimeSpan | null,
): void {
  if (stream) player.streamChanged(playedView(stream));
  const { controls } = player;
  if (atMs === null) controls.goLive();
  else controls.goTo(Math.max(atMs, firstMs ?? atMs)); // not a search for the next recorded time: it may be years later
  if (span) controls.setLoop(span);
}

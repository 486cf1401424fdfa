/**
 * Loads and opens the player on demand.
 * In: the session of a page. Out: hls.js, a player that starts at the requested time, failures for the page.
 */
import type Hls from 'hls.js';
import type { Failure } from '../api/client.ts';
import { addCaptionsOfMuxed } from '../player/captions.ts';
import { type OpenPlayer, openPlayer } from '../player/open.ts';
import type { Snapshot } from '../player/snapshot.ts';
import type { TimeSpan } from '../time/span.ts';
import type { TimelineState } from '../timeline/state.svelte.ts';
import type { Connection } from './connection.svelte.ts';

/**
 * The code of the player could not be loaded: no network, or a newer build has removed it. Reloading the page
 * helps.
 */
export const playerNotLoaded: Failure = { code: 'unloaded', status: 0, title: '', hint: '' };
/** This browser cannot play. */
export const noPlayer: Failure = { code: 'no-player', status: 0, title: '', hint: '' };

/**
 * Loads hls.js.
 *
 * @param load for tests
 * @returns null if it could not be loaded
 */
export async function loadHls(
  load: () => Promise<{ readonly default: typeof Hls }> = () => import('hls.js'),
): Promise<typeof Hls | null> {
  try {
    const { default: Engine } = await load();
    addCaptionsOfMuxed(Engine);
    return Engine;
  } catch {
    return null;
  }
}

/** What a player needs of a session, on a watch page or embedded. */
export interface PlayerSession {
  readonly name: string;
  readonly connection: Connection;
  readonly timeline: TimelineState;
}

/**
 * Creates the player of a session.
 *
 * @param surface a positioned box; the player fills it
 * @returns null if this browser cannot play
 */
export function playerFor(
  { name, connection, timeline }: PlayerSession,
  engine: typeof Hls,
  surface: HTMLElement,
  onChange: (snapshot: Snapshot) => void,
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
  if (stream) player.streamChanged(stream);
  if (atMs === null) player.goLive();
  else player.goTo(Math.max(atMs, firstMs ?? atMs)); // not a search for the next recorded time: it may be years later
  if (span) player.setLoop(span);
}

/**
 * The player, made when somebody wants to watch, and what is said where there can be none.
 * In: what a session knows of its stream. Out: hls.js, a player that begins where it was wished, failures for the page.
 */
import type Hls from 'hls.js';
import type { Failure } from '../api/client.ts';
import { type OpenPlayer, openPlayer } from '../player/open.ts';
import type { Snapshot } from '../player/snapshot.ts';
import type { RouteSpan } from '../routes.ts';
import type { TimelineState } from '../timeline/state.svelte.ts';
import type { Connection } from './connection.svelte.ts';

/** Its file did not come: no network, or a newer build has taken it away. Only a reload helps for sure. */
export const playerNotLoaded: Failure = { code: 'unloaded', status: 0, title: '', hint: '' };
/** This browser has no way to play. */
export const noPlayer: Failure = { code: 'no-player', status: 0, title: '', hint: '' };

/**
 * Loads hls.js.
 *
 * @param load tests put their own in
 * @returns null where it could not be loaded
 */
export async function loadHls(
  load: () => Promise<{ readonly default: typeof Hls }> = () => import('hls.js'),
): Promise<typeof Hls | null> {
  try {
    return (await load()).default;
  } catch {
    return null;
  }
}

/** What a player is made from: the session of a page, or of a player alone. */
export interface PlayerSession {
  readonly name: string;
  readonly connection: Connection;
  readonly timeline: TimelineState;
}

/**
 * Makes the player of a session.
 *
 * @param surface a positioned box; the player fills it
 * @returns null where this browser has no way to play
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
 * Begins to play.
 *
 * @param atMs unix milliseconds; null for now
 * @param span plays over and over; null for none
 */
export function beginAt(player: OpenPlayer, { stream }: Connection, atMs: number | null, span: RouteSpan | null): void {
  if (stream) player.streamChanged(stream);
  if (atMs === null) player.goLive();
  else player.goTo(atMs);
  if (span) player.setLoop(span);
}

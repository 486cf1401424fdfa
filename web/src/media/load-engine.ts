/**
 * Loads hls.js on demand.
 * In: a page that plays. Out: hls.js, failures for the page.
 */
import type Hls from 'hls.js';
import type { Failure } from '../api/client.ts';
import { addCaptionsOfMuxed } from './captions.ts';

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

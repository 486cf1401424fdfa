/**
 * The key that distinguishes players: their CMCD session, otherwise their address and user agent.
 * In: a request. Out: a short hash, salted per process. CTA-5004 3 (sid).
 */
import { hash, randomBytes } from 'node:crypto';
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';

/** Shared by all threads of a process, so that a player has one key whichever thread answers. */
const SALT = 'oxbow viewer salt';
if (isMainThread) setEnvironmentData(SALT, randomBytes(16).toString('base64'));
const salt = String(getEnvironmentData(SALT));

/**
 * The key of a player.
 *
 * @param session CMCD sid; undefined: the player sends none
 * @param address returns the client's address; called only without a session
 * @param program its User-Agent
 */
export function viewerKey(session: string | undefined, address: () => string, program: string | undefined): string {
  const identity = session === undefined ? `${address()} ${program ?? ''}` : `sid ${session}`;
  return hash('sha1', `${salt} ${identity}`, 'base64').slice(0, 12);
}

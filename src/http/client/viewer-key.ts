/**
 * What tells players apart: the session that they name, else their address and their program.
 * In: a request. Out: a short word that means nothing outside this process. CTA-5004, 3 (sid).
 */
import { hash, randomBytes } from 'node:crypto';
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';

/** All threads of a process have the same: a player is one, whichever of them answers. */
const SALT = 'oxbow viewer salt';
if (isMainThread) setEnvironmentData(SALT, randomBytes(16).toString('base64'));
const salt = String(getEnvironmentData(SALT));

/**
 * The word for a player.
 *
 * @param session what it told (CMCD sid)
 * @param address of the client
 */
export function viewerKey(session: string | undefined, address: () => string, program: string | undefined): string {
  const told = session === undefined ? `${address()} ${program ?? ''}` : `sid ${session}`;
  return hash('sha1', `${salt} ${told}`, 'base64').slice(0, 12);
}

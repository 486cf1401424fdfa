/**
 * What tells players apart: the session that they name, else their address and their program.
 * In: a request. Out: a short word that means nothing outside this process. CTA-5004, 3 (sid).
 */
import { hash, randomBytes } from 'node:crypto';

const salt = randomBytes(16).toString('base64');

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

/**
 * The key that distinguishes players: their CMCD session, otherwise their address and user agent; and the
 * client that it counts against.
 * In: a request. Out: short hashes, salted per process. CTA-5004 3 (sid).
 */
import { hash, randomBytes } from 'node:crypto';
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import { bucketOwner } from '../../accounts/rate-limit.ts';
import { createProxyCheck } from './client-address.ts';

/** Shared by all threads of a process, so that a player has one key whichever thread answers. */
const SALT = 'oxbow viewer salt';
if (isMainThread) setEnvironmentData(SALT, randomBytes(16).toString('base64'));
const salt = String(getEnvironmentData(SALT));

const isThisComputer = createProxyCheck([]);
const hashOf = (text: string, characters: number) => hash('sha1', `${salt} ${text}`, 'base64').slice(0, characters);

/**
 * The key of a player: who it is, a dot, and its client, which may be so many players only. Programs on this
 * computer, and proxies here that do not forward the client's address, are not limited.
 *
 * @param session CMCD sid; undefined: the player sends none
 * @param address the client's address
 * @param program its User-Agent
 */
export function viewerKey(session: string | undefined, address: string, program: string | undefined): string {
  const identity = hashOf(session === undefined ? `${address} ${program ?? ''}` : `sid ${session}`, 12);
  if (isThisComputer(address)) return identity;
  return `${identity}.${hashOf(bucketOwner({ address, isLocal: false }), 8)}`;
}

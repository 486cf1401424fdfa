/**
 * The addresses of this computer that an offer or an answer names as candidates.
 * In: the address of a socket, settings. Out: IP addresses, the most likely one first. RFC 8445 5.1.1.1 (host
 * candidates).
 */
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

/** Addresses in a description. */
const MAX_CANDIDATES = 8;

/**
 * Addresses of a description: those of the setting; otherwise that of the socket; for a socket on all
 * addresses the one over which the peer is reached, then those of all interfaces.
 *
 * @param bound address of the socket
 * @param configured `webrtcAddresses`
 * @param reachedAt address of this computer on which HTTP was reached, where it is known
 */
export function candidateAddresses(
  bound: string,
  configured: readonly string[],
  reachedAt: string | undefined,
): readonly string[] {
  if (configured.length > 0) return configured;
  const isAny = bound === '0.0.0.0' || bound === '::';
  if (!isAny) return [bound === 'localhost' ? '127.0.0.1' : bound];
  const plain = reachedAt?.replace(/^::ffff:(?=\d+\.)/, '');
  const interfaces = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const outside = interfaces.filter(({ internal, address }) => !internal && !address.startsWith('fe80:'));
  const candidates = [...(plain === undefined ? [] : [plain]), ...outside.map(({ address }) => address)];
  const isReachable = (address: string) => isIP(address) === 4 || (isIP(address) === 6 && bound === '::');
  return [...new Set(candidates.filter(isReachable))].slice(0, MAX_CANDIDATES);
}

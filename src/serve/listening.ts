/**
 * What every HTTP server of oxbow shares: limits of node:http, its URL, and why it could not listen.
 * In: an endpoint, the system's error. Out: a URL, an OxbowError.
 */
import { type Endpoint, printEndpoint } from '../config/address.ts';
import { messageOf, OxbowError } from '../lib/errors.ts';

/** Timeouts of node:http for a head and a whole request, and the interval of their check, ms. */
export const watchedLimits = {
  headersTimeout: 15_000,
  requestTimeout: 60_000,
  connectionsCheckingInterval: 5000,
} as const;

/** Other limits of node:http. */
export const usualLimits = { keepAliveTimeout: 75_000, maxHeaderSize: 16 * 1024, noDelay: true } as const;

/** The error for a port that cannot be opened: `port-taken`, otherwise `bad-setting`. */
export function listenRefusal(error: NodeJS.ErrnoException, endpoint: Endpoint): OxbowError {
  const { address, port } = endpoint;
  if (error.code === 'EADDRINUSE') {
    return new OxbowError('port-taken', `Port ${port} on ${address} is in use by another program.`, {
      cause: error,
      extra: { hint: `Stop that program, or choose another port: oxbow --http ${port + 1 > 65_535 ? 8080 : port + 1}` },
    });
  }
  const hint =
    error.code === 'EACCES'
      ? 'Ports below 1024 need special permissions. Choose a higher one: oxbow --http 8080'
      : 'Use an address of this computer: oxbow --listen 127.0.0.1, or --listen 0.0.0.0 for all of them.';
  return new OxbowError('bad-setting', `Cannot listen on ${printEndpoint(endpoint)}: ${messageOf(error)}.`, {
    cause: error,
    extra: { hint },
  });
}

/** The URL of a server; with a loopback address if it listens on all addresses. */
export function urlOf(scheme: 'http' | 'https', address: string, port: number): string {
  const shown = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
  return `${scheme}://${printEndpoint({ address: shown, port })}`;
}

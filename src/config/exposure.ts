/**
 * Whether other computers can reach the server according to the settings, and the default visibility that
 * follows.
 * In: the HTTP address, the public address. Out: the default visibility. Pure.
 */
import { type Endpoint, isLoopback } from './address.ts';
import type { Visibility } from './schema.ts';

/** The settings that decide. */
export interface Exposure {
  readonly http: Pick<Endpoint, 'address'>;
  /** Public address of the proxy. */
  readonly publicUrl?: string | undefined;
}

/**
 * Whether the server listens on more than a loopback address, or a proxy with a public address forwards to
 * it.
 */
export function isExposed({ http, publicUrl }: Exposure): boolean {
  if (!isLoopback(http.address)) return true;
  const host = URL.parse(publicUrl ?? '')?.hostname.replace(/^\[|\]$/g, '');
  return host !== undefined && host !== 'localhost' && !host.endsWith('.localhost') && !isLoopback(host);
}

/** The visibility of a stream that does not set one. */
export function defaultVisibility(exposure: Exposure): Visibility {
  return isExposed(exposure) ? 'unlisted' : 'public';
}

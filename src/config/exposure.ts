/**
 * Whether others than this computer reach the server, as far as the settings tell, and what follows for streams that say nothing.
 * In: where HTTP listens, the public address. Out: the default visibility. Pure.
 */
import { type Endpoint, isLoopback } from './address.ts';
import type { Visibility } from './schema.ts';

/** The settings that tell. */
export interface Exposure {
  readonly http: Pick<Endpoint, 'address'>;
  /** How others reach the server through a proxy. */
  readonly publicUrl?: string | undefined;
}

/** It listens for others, or is behind a proxy that does: one on this computer reaches it on a loopback address. */
export function isExposed({ http, publicUrl }: Exposure): boolean {
  if (!isLoopback(http.address)) return true;
  const host = URL.parse(publicUrl ?? '')?.hostname.replace(/^\[|\]$/g, '');
  return host !== undefined && host !== 'localhost' && !host.endsWith('.localhost') && !isLoopback(host);
}

/** What a stream gets that names no visibility. */
export function defaultVisibility(exposure: Exposure): Visibility {
  return isExposed(exposure) ? 'unlisted' : 'public';
}

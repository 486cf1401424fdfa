/**
 * The address under which whoever asks reaches this server, for links that must be whole.
 * In: the setting, a request's Host, what trusted proxies say. Out: an origin as `https://tv.example`. RFC 9110, 7.2; RFC 7239.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { createProxyCheck } from './client-address.ts';
import { readForwarded } from './forwarded.ts';

/** Of a request, what tells its address. */
export interface RequestOrigin {
  readonly headers: IncomingHttpHeaders;
  /** Of the connection, '' where it is gone. */
  readonly remoteAddress: string;
  /** The connection speaks TLS. */
  readonly secure: boolean;
}

/** A name or address with a port or without, and nothing that means something in HTML or in a URL. */
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

/**
 * Tells the origin without a slash at its end; undefined where the request names no host that can be believed.
 *
 * @param publicUrl the setting, which goes before everything else
 * @param trusted proxies whose word on host and scheme is believed; those of this computer always are
 */
export function createPublicAddress(
  publicUrl: string | undefined,
  trusted: readonly string[],
): (request: RequestOrigin) => string | undefined {
  const isProxy = createProxyCheck(trusted);
  return ({ headers, remoteAddress, secure }) => {
    if (publicUrl !== undefined) return publicUrl.replace(/\/+$/, '');
    const forwarded = isProxy(remoteAddress) ? readForwarded(headers) : undefined;
    const authority = headers[':authority'];
    const host = forwarded?.host || headers.host || (typeof authority === 'string' ? authority : '');
    if (!HOST.test(host)) return undefined;
    const said = forwarded?.proto;
    const scheme = said === 'https' || said === 'http' ? said : secure ? 'https' : 'http';
    return `${scheme}://${host}`;
  };
}

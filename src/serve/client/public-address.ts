/**
 * The origin by which a client reaches this server, for absolute links.
 * In: the setting, a request's Host, header fields of trusted proxies. Out: an origin as
 * `https://tv.example`. RFC 9110 7.2; RFC 7239.
 */
import type { RequestSource } from '../exchange/request-source.ts';
import { createProxyCheck } from './client-address.ts';
import { readForwarded } from './forwarded.ts';

/** The parts of a request that determine its origin. */
export interface RequestOrigin extends RequestSource {
  /** The connection uses TLS. */
  readonly secure: boolean;
}

/** A name or address, with or without a port, without characters that are special in HTML or in a URL. */
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

/**
 * Creates a function that returns the origin, without a trailing slash; undefined if the request names no
 * valid host.
 *
 * @param publicUrl the setting, which takes precedence
 * @param trusted proxies whose host and scheme are used; those of this computer are always trusted
 */
export function createPublicAddress(
  publicUrl: string | undefined,
  trusted: readonly string[],
): (request: RequestOrigin) => string | undefined {
  const isProxy = createProxyCheck(trusted);
  return ({ headers, remoteAddress, sender, secure }) => {
    if (publicUrl !== undefined) return publicUrl.replace(/\/+$/, '');
    const forwarded = isProxy(remoteAddress) || sender ? readForwarded(headers) : undefined;
    const authority = headers[':authority'];
    const host = forwarded?.host || headers.host || (typeof authority === 'string' ? authority : '');
    if (!HOST.test(host)) return undefined;
    const proto = forwarded?.proto;
    const scheme = proto === 'https' || proto === 'http' ? proto : secure ? 'https' : 'http';
    return `${scheme}://${host}`;
  };
}

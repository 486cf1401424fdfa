/**
 * Decides whether a request comes directly from a program on this computer.
 * In: the address of the connection, header fields. Out: yes or no, for rate limits, `/metrics` and the
 * routes of the operator.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { isLoopback } from '../../config/address.ts';
import type { RequestSource } from '../exchange/request-source.ts';

/** Fields that proxies, tunnels and content delivery networks add. */
const FORWARDING =
  /^(?:forwarded(?:-for)?|via|x-forwarded(?:-.+)?|x-original-.+|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip|cf-connecting-ip|fastly-client-ip|cdn-loop)$/;

/** Whether any field shows that a proxy passed the request on; its value does not matter. */
export function isForwarded(headers: IncomingHttpHeaders): boolean {
  for (const name in headers) if (FORWARDING.test(name)) return true;
  return false;
}

/**
 * The name or address in a `Host` field or `:authority`, in lower case, without port and brackets; '' if
 * there is none.
 */
export function hostNameOf(headers: IncomingHttpHeaders): string {
  const authority = headers.host ?? headers[':authority'];
  return typeof authority === 'string' ? nameOfHost(authority) : '';
}

/** The name or address of `name:port`, in lower case, without port and brackets. */
export function nameOfHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/(?<=[^.])\.$/, '');
}

/**
 * Whether a name or address always means this computer: `localhost`, names below it (RFC 6761 6.3),
 * 127.0.0.0/8, `::1`.
 */
export function isLoopbackName(name: string): boolean {
  return isLoopback(name) || name.endsWith('.localhost');
}

/**
 * Whether a program on this computer sent the request directly: the connection is from a loopback address, no
 * field shows a proxy, and the `Host` always means this computer. The last excludes pages whose own name
 * resolves to this server (DNS rebinding), and proxies on this computer that add no field. Every user of this
 * computer can send such a request.
 */
export function isLocalRequest({ headers, remoteAddress }: Pick<RequestSource, 'headers' | 'remoteAddress'>): boolean {
  return (
    isLoopback(remoteAddress.replace(/^::ffff:/i, '')) && !isForwarded(headers) && isLoopbackName(hostNameOf(headers))
  );
}

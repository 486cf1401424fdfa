/**
 * Whether a request comes straight from a program on this computer: the one place that decides it.
 * In: the address of the connection, header fields. Out: yes or no. Rate limits, `/metrics` and whatever is for the operator alone ask here.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { isLoopback } from '../../config/address.ts';

/** A request, as far as it says where it comes from. */
export interface RequestSource {
  readonly headers: IncomingHttpHeaders;
  /** Of the connection, '' where it is gone. */
  readonly remoteAddress: string;
}

/** Fields that proxies, tunnels and content delivery networks add. */
const FORWARDING =
  /^(?:forwarded(?:-for)?|via|x-forwarded(?:-.+)?|x-original-.+|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip|cf-connecting-ip|fastly-client-ip|cdn-loop)$/;

/** Whether a proxy says, in any field, that it passed the request on; what the field holds does not matter. */
export function isForwarded(headers: IncomingHttpHeaders): boolean {
  for (const name in headers) if (FORWARDING.test(name)) return true;
  return false;
}

/** The name or address in a `Host` field or `:authority`, in lower case, without port and brackets; '' where there is none. */
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

/** Whether a name or address always means this computer: `localhost`, names below it (RFC 6761, 6.3), 127.0.0.0/8, `::1`. */
export function isLoopbackName(name: string): boolean {
  return isLoopback(name) || name.endsWith('.localhost');
}

/**
 * Whether a program on this computer sent the request, straight to us: the connection is from a loopback address, no field says that a
 * proxy passed it on, and the `Host` is one that always means this computer. The last keeps out pages whose own name was made to lead
 * here (DNS rebinding), and proxies on this computer that add no field. Each user of this computer can send such a request.
 */
export function isLocalRequest({ headers, remoteAddress }: RequestSource): boolean {
  return (
    isLoopback(remoteAddress.replace(/^::ffff:/i, '')) && !isForwarded(headers) && isLoopbackName(hostNameOf(headers))
  );
}

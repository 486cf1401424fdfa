/**
 * Which names a server on a loopback address answers to: a page whose own name was made to lead here (DNS rebinding) gets 421.
 * In: where oxbow listens, `publicUrl`, `hosts`, the `Host` or `:authority` of a request. Out: yes or no; the refusal.
 * RFC 9110, 7.4 and 15.5.20. docs/decisions/0018.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { isLoopback } from '../../config/address.ts';
import { OxbowError } from '../../lib/errors.ts';
import { hostNameOf, isLoopbackName, nameOfHost } from './local-request.ts';

/** Names that a server answers to beside those of this computer, in lower case; `undefined`: every name. */
export type OwnHosts = readonly string[] | undefined;

/**
 * The names of the settings; every name where others than this computer reach the listener.
 *
 * @param address that the server listens on
 */
export function ownHostsOf(
  address: string,
  {
    publicUrl,
    hosts = [],
  }: { readonly publicUrl?: string | undefined; readonly hosts?: readonly string[] | undefined },
): OwnHosts {
  if (!isLoopback(address)) return undefined;
  const names = hosts.map(nameOfHost);
  return publicUrl === undefined ? names : [...names, nameOfHost(new URL(publicUrl).host)];
}

/** Whether a server with these names answers to a name; it answers to a request of HTTP/1.0 that names none. */
export function answersTo(own: OwnHosts, name: string): boolean {
  return own === undefined || name === '' || isLoopbackName(name) || own.includes(name);
}

/**
 * Refuses a request that names another host. What a proxy says of the host does not count: a page could say it too, `Host` it cannot.
 *
 * @throws OxbowError `host-refused`
 */
export function refuseOtherHosts(own: OwnHosts, headers: IncomingHttpHeaders): void {
  const name = hostNameOf(headers);
  if (answersTo(own, name)) return;
  // What is no name is not repeated.
  const shown = /^[a-z0-9._:-]{1,253}$/.test(name) ? name : 'NAME';
  throw new OxbowError(
    'host-refused',
    `The request is for the host "${shown}". On a loopback address oxbow answers to localhost, to loopback addresses, to the host of publicUrl, and to the names in the setting hosts.`,
    {
      extra: {
        hint: `If that name is yours, start oxbow with --hosts ${shown}, or add this line to its configuration: hosts: [${shown}]. A proxy may send Host: localhost, and the name in X-Forwarded-Host.`,
      },
    },
  );
}

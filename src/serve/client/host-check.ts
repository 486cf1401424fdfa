/**
 * The host names that a server on a loopback address accepts. A page whose own name resolves to it (DNS
 * rebinding) gets 421.
 * In: where oxbow listens, `publicUrl`, `hosts`, the `Host` or `:authority` of a request. Out: yes or no; the
 * refusal. RFC 9110 7.4 and 15.5.20. docs/decisions/0018.
 */
import { isLoopback } from '../../config/address.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { RequestSource } from '../exchange/request-source.ts';
import { hostNameOf, isLoopbackName, nameOfHost } from './local-request.ts';

/**
 * Host names that a server accepts in addition to those of this computer, in lower case; `undefined`: every
 * name.
 */
export type OwnHosts = readonly string[] | undefined;

/**
 * The host names of the settings; every name if other computers can reach the listener.
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

/** Whether a server with these names accepts a host name; it accepts HTTP/1.0 requests without one. */
export function answersTo(hosts: OwnHosts, name: string): boolean {
  return hosts === undefined || name === '' || isLoopbackName(name) || hosts.includes(name);
}

/**
 * Refuses a request that names another host; not one of another node, which has checked the name. Forwarding
 * headers do not count: a page can set them, but not `Host`.
 *
 * @throws OxbowError `host-refused`
 */
export function refuseOtherHosts(
  hosts: OwnHosts,
  { headers, sender }: Pick<RequestSource, 'headers' | 'sender'>,
): void {
  const name = hostNameOf(headers);
  if (answersTo(hosts, name) || sender) return;
  // An invalid name is not repeated in the answer.
  const shown = /^[a-z0-9._:-]{1,253}$/.test(name) ? name : 'NAME';
  throw new OxbowError(
    'host-refused',
    `The request is for the host "${shown}". On a loopback address oxbow accepts localhost, loopback addresses, the host of publicUrl, and the names in the setting hosts.`,
    {
      extra: {
        hint: `If the name is yours, start oxbow with --hosts ${shown}, or add this line to its configuration: hosts: [${shown}]. A proxy can send Host: localhost, and the name in X-Forwarded-Host.`,
      },
    },
  );
}

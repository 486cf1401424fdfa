/**
 * The client's address if there are proxies: the last address in X-Forwarded-For that is not a trusted proxy.
 * In: the address of the connection, X-Forwarded-For. Out: an address. Forged entries are to its left and are
 * never read.
 */
import { BlockList, isIP } from 'node:net';
import type { RequestSource } from '../exchange/request-source.ts';
import { readForwarded } from './forwarded.ts';

/** Proxies on this computer; a forged header from here can only come from here. */
const loopback = ['127.0.0.0/8', '::1'];

/**
 * Returns the client's address. `forwardedFor` is the value of X-Forwarded-For, or the addresses that
 * forwarded.ts reads.
 */
type ClientAddress = (remoteAddress: string, forwardedFor: string | readonly string[] | undefined) => string;

/**
 * Creates the check whether an address is that of a trusted proxy.
 *
 * @param trusted networks (`10.0.0.0/8`) and addresses; those of this computer are always trusted
 */
export function createProxyCheck(trusted: readonly string[]): (address: string) => boolean {
  const proxies = new BlockList();
  for (const network of [...loopback, ...trusted]) {
    const [address = '', bits] = network.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) proxies.addAddress(address, family);
    else proxies.addSubnet(address, Number(bits), family);
  }
  return (text) => {
    const address = plain(text);
    return proxies.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  };
}

/**
 * @param trusted networks (`10.0.0.0/8`) and addresses of proxies; those of this computer are always trusted
 */
export function createClientAddress(trusted: readonly string[]): ClientAddress {
  const isProxy = createProxyCheck(trusted);
  return (remoteAddress, forwardedFor) =>
    isProxy(remoteAddress) ? lastOf(remoteAddress, forwardedFor, isProxy) : plain(remoteAddress);
}

/**
 * Creates a function that returns the address of a request's client, also if another node has passed it on.
 *
 * @param trusted as of `createClientAddress`
 */
export function createAddressOf(trusted: readonly string[]): (request: RequestSource) => string {
  const isProxy = createProxyCheck(trusted);
  return ({ headers, remoteAddress, sender }) =>
    sender || isProxy(remoteAddress)
      ? lastOf(remoteAddress, readForwarded(headers).for, isProxy)
      : plain(remoteAddress);
}

/** The last address that is no proxy. The sender of the list is one. */
function lastOf(
  remoteAddress: string,
  forwardedFor: string | readonly string[] | undefined,
  isProxy: (address: string) => boolean,
): string {
  let client = plain(remoteAddress);
  if (forwardedFor === undefined) return client;
  for (const hop of String(forwardedFor).split(',').reverse()) {
    const address = plain(hop);
    if (isIP(address) === 0) return client;
    client = address;
    if (!isProxy(client)) return client;
  }
  return client;
}

/** The address without port, brackets, and the `::ffff:` prefix of IPv4 on IPv6 sockets. */
function plain(text: string): string {
  const address = text.trim().replace(/^::ffff:(?=\d+\.)/i, '');
  return /^\[([^\]]+)\](?::\d+)?$/.exec(address)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(address)?.[1] ?? address;
}

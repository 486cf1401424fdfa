/**
 * IP addresses with ports, in one spelling.
 * In: addresses of SDP candidates and of a socket. Out: addresses that are equal if their text is equal;
 * their bytes. RFC 4291 2.5.5.2 (IPv4 within IPv6), RFC 5952 (the spelling).
 */
import { isIPv4, isIPv6, SocketAddress } from 'node:net';

/** An address with a port. */
export interface Endpoint {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
}

const MAPPED = '::ffff:';

/**
 * An address as a socket reports it: IPv4 without the prefix that a socket bound to `::` adds, IPv6 as in
 * RFC 5952.
 *
 * @returns undefined if it is no IP address (a host name, a name of mDNS), or the port cannot be sent to
 */
export function normalize({ address, port }: Endpoint): Endpoint | undefined {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  if (isIPv4(address)) return { address, port };
  if (!isIPv6(address)) return undefined;
  const [plain = '', zone] = address.split('%');
  const spelled = unmap(new SocketAddress({ address: plain, family: 'ipv6' }).address);
  return { address: zone === undefined ? spelled : `${spelled}%${zone}`, port };
}

/** IPv4 without the prefix of IPv6. @param address as a socket reports it */
export function unmap(address: string): string {
  return address.startsWith(MAPPED) && address.includes('.') ? address.slice(MAPPED.length) : address;
}

/** Whether two addresses are the same, as text. */
export function isSame(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.address === b.address;
}

/** The 4 or 16 bytes of an IP address. @param address as `normalize` returns it */
export function bytesOf(address: string): Uint8Array {
  if (isIPv4(address)) return Uint8Array.from(address.split('.'), Number);
  // The last 32 bits may be written as IPv4.
  const plain = address
    .replace(/%.*$/, '')
    .replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => `${group(a, b)}:${group(c, d)}`);
  const [head = '', tail] = plain.split('::');
  const groups = (text: string | undefined) => (text ? text.split(':').map((each) => Number.parseInt(each, 16)) : []);
  const [first, last] = [groups(head), groups(tail)];
  const words = [...first, ...new Array(Math.max(0, 8 - first.length - last.length)).fill(0), ...last];
  return Uint8Array.from(words.flatMap((each) => [each >> 8, each & 0xff]));
}

function group(high: string, low: string): string {
  return (Number(high) * 256 + Number(low)).toString(16);
}

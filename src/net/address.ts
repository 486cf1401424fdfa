/**
 * IP addresses as bytes: whether one is global unicast or in a range.
 * In: text from URLs, resolvers and settings. Out: booleans. IANA special-purpose registries (RFC 6890);
 * RFC 6052, 3056, 5214 for IPv4 within IPv6.
 */
import { isIP, isIPv4 } from 'node:net';
import { OxbowError } from '../lib/errors.ts';

const [DOT, ZERO] = [0x2e, 0x30];

/** 4 bytes of IPv4 or 16 of IPv6. */
export type IpAddress = Uint8Array;

/** A range of addresses. */
export interface Cidr {
  readonly address: IpAddress;
  /** Leading bits that count, 0 to 32 or 128. */
  readonly bits: number;
}

/**
 * Parses an address; a zone (`%eth0`) and brackets are dropped.
 *
 * @returns undefined when it is not an address
 */
export function parseIp(text: string): IpAddress | undefined {
  const isBare = !text.includes('%') && !text.startsWith('[') && !text.endsWith(']');
  const bare = isBare ? text : text.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  switch (isIP(bare)) {
    case 4:
      return parseIpv4(bare);
    case 6:
      return parseIpv6(bare);
    default:
      return undefined;
  }
}

/** Of a valid address. Each new client is looked up: no arrays on the way. */
function parseIpv4(text: string): IpAddress {
  const address = new Uint8Array(4);
  for (let at = 0, byte = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === DOT) byte++;
    else address[byte] = address[byte]! * 10 + code - ZERO;
  }
  return address;
}

function parseIpv6(text: string): IpAddress {
  const lastColon = text.lastIndexOf(':');
  const tail = text.slice(lastColon + 1);
  let groups = text;
  if (isIPv4(tail)) {
    const [a, b, c, d] = tail.split('.').map(Number) as [number, number, number, number];
    groups = `${text.slice(0, lastColon + 1)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const address = new Uint8Array(16);
  const [head = '', end = ''] = groups.split('::');
  if (head !== '') writeWords(address, head.split(':'), 0);
  if (end !== '') {
    const words = end.split(':');
    writeWords(address, words, 16 - words.length * 2);
  }
  return address;
}

function writeWords(address: Uint8Array, words: readonly string[], from: number): void {
  let at = from;
  for (const text of words) {
    const word = Number.parseInt(text, 16);
    address[at++] = word >> 8;
    address[at++] = word & 0xff;
  }
}

/**
 * Parses `address/bits`, or an address.
 *
 * @throws OxbowError `bad-setting`
 */
export function parseCidr(text: string): Cidr {
  const [host = '', bitsText] = text.trim().split('/');
  const address = parseIp(host);
  const most = address ? address.length * 8 : 0;
  const bits = bitsText === undefined ? most : /^\d{1,3}$/.test(bitsText) ? Number(bitsText) : -1;
  if (!address || bits < 0 || bits > most) {
    throw new OxbowError('bad-setting', `"${text.slice(0, 60)}" is not an address range like 10.0.0.0/8.`);
  }
  return { address, bits };
}

/** Whether `address` is in `range`; never for different versions of IP. */
export function inCidr(address: IpAddress, range: Cidr): boolean {
  if (address.length !== range.address.length) return false;
  const whole = range.bits >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== range.address[i]) return false;
  const restBits = range.bits & 7;
  return restBits === 0 || (address[whole]! ^ range.address[whole]!) >> (8 - restBits) === 0;
}

/**
 * Whether an address is in one of the ranges. An IPv4 address in its IPv6 form (`::ffff:10.0.0.1`) counts as
 * IPv4.
 *
 * @param text an IP address; other text is in no range
 * @param ranges as of `parseCidr`
 */
export function isInRanges(text: string, ranges: readonly string[]): boolean {
  const address = parseIp(text);
  if (!address) return false;
  const inner = inCidr(address, mapped) ? embeddedIpv4(address) : undefined;
  return ranges.map(parseCidr).some((range) => inCidr(inner ?? address, range));
}

const mapped = parseCidr('::ffff:0:0/96');

const notGlobal4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32', // Azure's agent and metadata, within a public range
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
].map(parseCidr);

const globalUnicast6 = parseCidr('2000::/3');
/** Protocol assignments (Teredo among them), documentation. */
const notGlobal6 = ['2001::/23', '2001:db8::/32', '3fff::/20'].map(parseCidr);

/** `::` and `::1`, which look like IPv4-compatible addresses. */
const unspecifiedAndLoopback = parseCidr('::/127');

/** Position of an IPv4 address embedded in an IPv6 one. */
interface Carrier {
  readonly range: Cidr;
  /** Offset of the 4 bytes. */
  readonly at: number;
  /** A public IPv4 address in it is a host of the internet. */
  readonly reaches: boolean;
}

const carriers: readonly Carrier[] = [
  { range: parseCidr('::ffff:0:0/96'), at: 12, reaches: true }, // mapped: another spelling
  { range: parseCidr('64:ff9b::/96'), at: 12, reaches: true }, // NAT64: how IPv6-only networks see IPv4
  { range: parseCidr('2002::/16'), at: 2, reaches: true }, // 6to4
  { range: parseCidr('::ffff:0:0:0/96'), at: 12, reaches: false }, // SIIT
  { range: parseCidr('::/96'), at: 12, reaches: false }, // compatible, deprecated
];

/**
 * The IPv4 address that a packet to this IPv6 address would reach, by translation or tunnel.
 *
 * @returns undefined when there is none
 */
export function embeddedIpv4(address: IpAddress): IpAddress | undefined {
  if (address.length !== 16) return undefined;
  if (inCidr(address, unspecifiedAndLoopback)) return undefined;
  const carrier = carriers.find(({ range }) => inCidr(address, range));
  if (carrier) return address.slice(carrier.at, carrier.at + 4);
  // ISATAP: an interface identifier of 0000:5efe or 0200:5efe before the IPv4 address.
  const isatap = (address[8]! & 0xfd) === 0 && address[9] === 0 && address[10] === 0x5e && address[11] === 0xfe;
  return isatap ? address.slice(12, 16) : undefined;
}

/** Whether the address is global unicast, and so is the IPv4 address within it, if there is one. */
export function isGlobal(address: IpAddress): boolean {
  if (address.length === 4) return !notGlobal4.some((range) => inCidr(address, range));
  const inner = embeddedIpv4(address);
  if (inner && !isGlobal(inner)) return false;
  const carrier = carriers.find(({ range }) => inCidr(address, range));
  if (carrier) return carrier.reaches;
  return inCidr(address, globalUnicast6) && !notGlobal6.some((range) => inCidr(address, range));
}

const neverByName = [
  '0.0.0.0/8',
  '168.63.129.16/32',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  'fe80::/10',
  'ff00::/8',
]
  .map(parseCidr)
  .concat(parseCidr('fd00:ec2::254'));

/**
 * Whether an address is refused even for a name configured by an administrator: link-local (metadata services
 * of clouds), unspecified, multicast.
 */
export function isNeverByName(address: IpAddress): boolean {
  const inner = embeddedIpv4(address);
  return [address, ...(inner ? [inner] : [])].some((ip) => neverByName.some((range) => inCidr(ip, range)));
}

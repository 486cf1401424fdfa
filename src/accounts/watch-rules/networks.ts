/**
 * A set of networks, in which an address is found by binary search.
 * In: networks as text, addresses as bytes. Out: the network that has an address. Pure.
 */
import { embeddedIpv4, type IpAddress, inCidr, parseCidr, parseIp } from '../../net/address.ts';

/** A network, and how it was written. */
interface Network {
  readonly text: string;
  readonly start: IpAddress;
  readonly bits: number;
}

const mapped = parseCidr('::ffff:0:0/96');

/** An address; IPv4 in its IPv6 form becomes IPv4. @returns undefined for another text */
export function parseClientIp(text: string): IpAddress | undefined {
  const address = parseIp(text);
  return address?.length === 16 && inCidr(address, mapped) ? embeddedIpv4(address) : address;
}

/** Networks of both versions of IP. */
export class NetworkSet {
  /** Disjoint, in the order of their addresses. */
  readonly #ofIpv4: readonly Network[];
  readonly #ofIpv6: readonly Network[];

  /**
   * @param networks such as `10.0.0.0/8`, or addresses. An IPv6 network within `::ffff:0:0/96` is one of
   *   IPv4; one around it has no IPv4 address
   * @throws OxbowError `bad-setting`
   */
  constructor(networks: readonly string[]) {
    const parsed = networks.map(parseNetwork);
    this.#ofIpv4 = disjoint(parsed.filter(({ start }) => start.length === 4));
    this.#ofIpv6 = disjoint(parsed.filter(({ start }) => start.length === 16));
  }

  /** The network that has an address, as it was written; undefined if there is none. */
  find(address: IpAddress): string | undefined {
    const networks = address.length === 4 ? this.#ofIpv4 : this.#ofIpv6;
    let [low, high] = [0, networks.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(networks[middle]!.start, address) <= 0) low = middle + 1;
      else high = middle;
    }
    const network = networks[low - 1];
    return network && inCidr(address, { address: network.start, bits: network.bits }) ? network.text : undefined;
  }
}

function parseNetwork(text: string): Network {
  const { address, bits } = parseCidr(text);
  const isMapped = bits >= 96 && inCidr(address, mapped);
  const [start, width] = isMapped ? [embeddedIpv4(address)!, bits - 96] : [address, bits];
  return { text, start: withoutHostBits(start, width), bits: width };
}

function withoutHostBits(address: IpAddress, bits: number): IpAddress {
  return address.map((byte, at) => {
    const kept = Math.min(8, Math.max(0, bits - 8 * at));
    return byte & (0xff00 >> kept) & 0xff;
  });
}

/** Two networks are disjoint, or one is in the other: then the smaller one is left out. */
function disjoint(networks: readonly Network[]): readonly Network[] {
  const sorted = [...networks].sort((a, b) => compare(a.start, b.start) || a.bits - b.bits);
  const kept: Network[] = [];
  for (const network of sorted) {
    const last = kept.at(-1);
    if (!last || !inCidr(network.start, { address: last.start, bits: last.bits })) kept.push(network);
  }
  return kept;
}

/** Negative if `a` is before `b`; both have the same length. */
function compare(a: IpAddress, b: IpAddress): number {
  for (let at = 0; at < a.length; at++) {
    const difference = a[at]! - b[at]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Places for clients of a protocol: a bound of all of them, and one of those of an address. Viewers get fewer
 * places than there are, so that a crowd of them keeps no publisher out.
 * In: addresses of clients. Out: places, which their owners leave.
 */
import { isIPv6 } from 'node:net';

interface PlaceBounds {
  readonly most: number;
  readonly perAddress: number;
}

/** Places of a port with this many connections that are kept for publishers: a quarter, and one at least. */
export function publisherShare(connections: number): number {
  return connections < 2 ? 0 : Math.max(1, Math.floor(connections / 4));
}

/**
 * Bounds of the viewers of a port with this many connections; half of their places may be those of one
 * address.
 */
export function viewerBounds(connections: number): PlaceBounds {
  const most = connections - publisherShare(connections);
  return { most, perAddress: Math.ceil(most / 2) };
}

/** Bounds of connections that have not shown their key yet. */
export function undecidedBounds(connections: number): PlaceBounds {
  return { most: connections, perAddress: Math.ceil(connections / 2) };
}

/** Places that are taken. */
export class ClientPlaces {
  readonly #bounds: PlaceBounds;
  readonly #byClient = new Map<string, number>();
  #total = 0;

  constructor(bounds: PlaceBounds) {
    this.#bounds = bounds;
  }

  /**
   * Takes a place. The result leaves it and may be called twice; undefined: there is none.
   *
   * @param address IP address of the client
   */
  take(address: string): (() => void) | undefined {
    const client = clientOf(address);
    const ofClient = this.#byClient.get(client) ?? 0;
    if (this.#total >= this.#bounds.most || ofClient >= this.#bounds.perAddress) return undefined;
    this.#total += 1;
    this.#byClient.set(client, ofClient + 1);
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#total -= 1;
      const left = this.#byClient.get(client)! - 1;
      if (left > 0) this.#byClient.set(client, left);
      else this.#byClient.delete(client);
    };
  }
}

/** The address, or the first half of an IPv6 address: one client usually has all of it. */
export function clientOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (!isIPv6(plain)) return plain;
  const [head = '', tail = ''] = plain.toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  const last = tail === '' ? [] : tail.split(':');
  while (groups.length + last.length < 8) groups.push('0');
  return [...groups, ...last].slice(0, 4).join(':');
}

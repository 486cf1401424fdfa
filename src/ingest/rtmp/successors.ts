/**
 * Where the publishers of a server that ends are led.
 * In: the setting `rtmpSuccessor`, the addresses of other nodes. Out: an address for each publisher.
 */

type Protocol = 'rtmp' | 'rtmps';

/** Where publishers can go. */
export interface Successors {
  /** Of another server, for all publishers; it has precedence. Undefined: none is set. */
  readonly fixed: string | undefined;
  /** For each node that takes publishers, its addresses. */
  readonly nodes: readonly (readonly string[])[];
}

/** Chooses the address of each publisher, so that the nodes get as many each. */
export class SuccessorChoice {
  readonly #successors: Successors;
  #next = 0;

  constructor(successors: Successors) {
    this.#successors = successors;
  }

  /** There is an address for publishers of a protocol. */
  isKnown(protocol: Protocol): boolean {
    const { fixed, nodes } = this.#successors;
    return fixed !== undefined || nodes.some((addresses) => addressFor(protocol, addresses) !== undefined);
  }

  /**
   * The address for the next publisher; undefined: that which it has.
   *
   * @param protocol of its connection: an encrypted one is led to an encrypted one
   */
  next(protocol: Protocol): string | undefined {
    const { fixed, nodes } = this.#successors;
    if (fixed !== undefined) return fixed;
    for (let tries = 0; tries < nodes.length; tries++) {
      const address = addressFor(protocol, nodes[this.#next++ % nodes.length]!);
      if (address !== undefined) return address;
    }
    return undefined;
  }
}

function addressFor(protocol: Protocol, addresses: readonly string[]): string | undefined {
  const same = addresses.find((address) => address.startsWith(`${protocol}:`));
  return same ?? (protocol === 'rtmp' ? addresses[0] : undefined);
}

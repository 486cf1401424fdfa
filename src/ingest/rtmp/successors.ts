/**
 * Where the publishers of a server that ends are led.
 * In: the setting `rtmpSuccessor`, the addresses of other nodes. Out: an address for each publisher.
 */

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

  /** There is an address, at least for some publishers. */
  get isKnown(): boolean {
    return this.#successors.fixed !== undefined || this.#successors.nodes.length > 0;
  }

  /**
   * The address for the next publisher; undefined: that which it has.
   *
   * @param protocol of its connection: an encrypted one is led to an encrypted one
   */
  next(protocol: 'rtmp' | 'rtmps'): string | undefined {
    const { fixed, nodes } = this.#successors;
    if (fixed !== undefined) return fixed;
    for (let tries = 0; tries < nodes.length; tries++) {
      const addresses = nodes[this.#next++ % nodes.length]!;
      const same = addresses.find((address) => address.startsWith(`${protocol}:`));
      const address = same ?? (protocol === 'rtmp' ? addresses[0] : undefined);
      if (address !== undefined) return address;
    }
    return undefined;
  }
}

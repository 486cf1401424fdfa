/**
 * Decides whose datagrams a feed takes: one sender at a time, from the configured networks.
 * In: the sender of each datagram. Out: taken or not; when another sender takes over. Anyone can send to a
 * UDP port, and two encoders on one port would mix their packets.
 */
import { BlockList, isIP } from 'node:net';

/** A sender that is silent for this long loses its lock, ms. */
export const LOCK_MS = 2000;

/** What to do with a datagram: `first` is the first one of a sender that was just locked. */
type Admission = 'first' | 'next' | 'ignored';

/** The lock of one socket. */
export class SenderLock {
  readonly #networks: BlockList | undefined;
  #address = '';
  #port = 0;
  #atMs = Number.NEGATIVE_INFINITY;

  /** @param networks as `10.0.0.0/8` or single addresses; empty: every address */
  constructor(networks: readonly string[]) {
    if (networks.length === 0) return;
    this.#networks = new BlockList();
    for (const network of networks) {
      const [address = '', bits] = network.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (bits === undefined) this.#networks.addAddress(address, family);
      else this.#networks.addSubnet(address, Number(bits), family);
    }
  }

  /** The locked sender as `address:port`; undefined before the first datagram. */
  get sender(): string | undefined {
    if (this.#address === '') return undefined;
    return isIP(this.#address) === 6 ? `[${this.#address}]:${this.#port}` : `${this.#address}:${this.#port}`;
  }

  /** Whether an address is in the configured networks. */
  allows(address: string): boolean {
    return this.#networks === undefined || this.#networks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }

  /**
   * Takes or ignores a datagram.
   *
   * @param nowMs of a clock that never steps
   * @param mayBegin whether its sender may be locked
   */
  admit(address: string, port: number, nowMs: number, mayBegin = true): Admission {
    if (port === this.#port && address === this.#address) {
      this.#atMs = nowMs;
      return 'next';
    }
    if (!mayBegin || nowMs - this.#atMs < LOCK_MS) return 'ignored';
    if (!this.allows(address)) return 'ignored';
    this.#address = address;
    this.#port = port;
    this.#atMs = nowMs;
    return 'first';
  }
}

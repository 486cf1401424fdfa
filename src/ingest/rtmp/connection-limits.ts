/**
 * Bounds of the connections of RTMP: in total, for each address, and of those that do not publish yet.
 * In: new connections and their progress. Out: whether one is accepted; a half-open one is closed for a new
 * one.
 */
import { clientOf } from '../client/client-places.ts';

interface ConnectionBounds {
  readonly connections: number;
  readonly perAddress: number;
  /**
   * Connections that do not publish yet. At the bound the oldest of the address with the most is closed, so
   * that a flood keeps no encoder out.
   */
  readonly halfOpen: number;
}

/**
 * Default of half-open connections: encoders that return all at once after a restart fit, and cost about 10
 * KiB each.
 */
export const MAX_HALF_OPEN = 512;

interface Entry {
  readonly client: string;
  readonly drop: () => void;
}

/** A connection that was accepted. */
export interface Admission {
  /** It publishes, so it is not half-open any more. */
  published(): void;
  /** It does not publish any more. */
  unpublished(): void;
  /** It has ended. May be called twice. */
  ended(): void;
}

/** All connections of the protocol. */
export class ConnectionLimits {
  readonly #bounds: ConnectionBounds;
  readonly #byClient = new Map<string, number>();
  /** Oldest first. */
  readonly #halfOpen = new Set<Entry>();
  #total = 0;

  constructor(bounds: ConnectionBounds) {
    this.#bounds = bounds;
  }

  /** Connections now. */
  get total(): number {
    return this.#total;
  }

  /** Connections that do not publish. */
  get halfOpen(): number {
    return this.#halfOpen.size;
  }

  /**
   * Accepts a connection, or returns undefined.
   *
   * @param address IP address of the client
   * @param drop closes the connection, because it is the oldest half-open one of its address
   */
  admit(address: string, drop: () => void): Admission | undefined {
    const client = clientOf(address);
    const ofClient = this.#byClient.get(client) ?? 0;
    if (ofClient >= this.#bounds.perAddress) return undefined;
    if (this.#halfOpen.size >= this.#bounds.halfOpen) this.#dropOldest();
    if (this.#total >= this.#bounds.connections) return undefined;
    const entry: Entry = { client, drop };
    this.#byClient.set(client, (this.#byClient.get(client) ?? 0) + 1);
    this.#halfOpen.add(entry);
    this.#total++;
    let isOpen = true;
    return {
      published: () => void this.#halfOpen.delete(entry),
      unpublished: () => void (isOpen && this.#halfOpen.add(entry)),
      ended: () => {
        if (!isOpen) return;
        isOpen = false;
        this.#remove(entry);
      },
    };
  }

  /**
   * Of the address that has the most: a flood of one address costs that address its connections, and no
   * encoder that comes now.
   */
  #dropOldest(): void {
    const counts = new Map<string, number>();
    for (const { client } of this.#halfOpen) counts.set(client, (counts.get(client) ?? 0) + 1);
    const most = Math.max(...counts.values());
    for (const entry of this.#halfOpen) {
      if (counts.get(entry.client) !== most) continue;
      entry.drop();
      return;
    }
  }

  #remove(entry: Entry): void {
    this.#halfOpen.delete(entry);
    this.#total--;
    const left = (this.#byClient.get(entry.client) ?? 1) - 1;
    if (left > 0) this.#byClient.set(entry.client, left);
    else this.#byClient.delete(entry.client);
  }
}

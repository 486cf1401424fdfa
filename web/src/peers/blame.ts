/**
 * Finds out who has sent wrong bytes of a segment. The loader keeps what a peer has sent before it fell
 * silent and takes the rest from another one: only a peer that has sent all bytes is to blame.
 * In: events of the loader. Out: yes or no.
 */

/** Segments that are remembered. */
const MOST_SEGMENTS = 64;

/** What is known of the segments that a page is loading. */
export class Blame {
  /** The peers whose bytes may be among those of a segment, by its address. */
  readonly #senders = new Map<string, Set<string>>();
  /** Segments whose bytes were compared and are wrong. */
  readonly #wrong = new Set<string>();

  /** A segment, or the rest of it, is requested from a peer. */
  started(address: string, peer: string): void {
    const senders = this.#senders.get(address) ?? new Set();
    this.#senders.set(address, senders.add(peer));
    for (const oldest of this.#senders.keys()) {
      if (this.#senders.size <= MOST_SEGMENTS) break;
      this.#senders.delete(oldest);
    }
  }

  /** The bytes of a segment are not those of the server. */
  foundWrong(address: string): void {
    this.#wrong.add(address);
  }

  /**
   * The loader has dropped all bytes of a segment.
   *
   * @returns the peer that lied; null: none, or it is unclear which
   */
  dropped(address: string): string | null {
    const [peer, ...others] = this.#senders.get(address) ?? [];
    this.#senders.delete(address);
    return this.#wrong.delete(address) && peer !== undefined && others.length === 0 ? peer : null;
  }

  /** A segment was loaded. */
  loaded(address: string): void {
    this.#senders.delete(address);
    this.#wrong.delete(address);
  }
}

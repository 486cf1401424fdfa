/**
 * The packet numbers that one source has used: repeated and very old packets are recognized.
 * In: numbers of authenticated packets. Out: whether one is new. RFC 3711 3.3.2.
 */

/** Packets behind the newest that may still arrive: a second of 3 Mbps is about 330. */
const SIZE = 1024;

/** A window that ends with the newest packet. */
export class ReplayWindow {
  #newest = -1;
  /** By number modulo the size: the number that was seen. */
  readonly #seen = new Float64Array(SIZE).fill(-1);

  /** The newest number; -1 before the first. */
  get newest(): number {
    return this.#newest;
  }

  /** Whether the number is new, and not too old to tell. */
  isNew(index: number): boolean {
    return index > this.#newest - SIZE && this.#seen[index % SIZE] !== index;
  }

  /** Marks a number as used. */
  add(index: number): void {
    this.#seen[index % SIZE] = index;
    if (index > this.#newest) this.#newest = index;
  }
}

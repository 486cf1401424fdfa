/**
 * Memory that the objects of a mirror are made in, one after another: new memory costs more than the copy.
 * In: sizes. Out: memory, used again for the next object. Bounded; larger pieces have their own.
 */

import { keptMemory } from '../../lib/memory/kept-memory.ts';
import { pageMemory } from '../../lib/memory/page-memory.ts';

/** Most bytes that are kept for pieces, and twice as many for the object. */
const MAX_KEPT_BYTES = 8 * 1024 * 1024;

/** The memory of one object at a time. */
export class BatchMemory {
  #pieces = Buffer.alloc(0);
  #used = 0;
  #object: Buffer | undefined;

  /** Begins an object: the pieces of the one before are given up. */
  begin(): void {
    // Pieces did not fit: they get memory of twice the size.
    if (this.#used > this.#pieces.length && this.#pieces.length < MAX_KEPT_BYTES) {
      keptMemory.drop(this.#pieces);
      this.#pieces = keptMemory.take(Math.min(MAX_KEPT_BYTES, 2 * this.#used));
    }
    this.#used = 0;
  }

  /** Memory of a piece. @param length bytes */
  piece(length: number): Uint8Array {
    const at = this.#used;
    this.#used += length;
    if (this.#used > this.#pieces.length) return new Uint8Array(length);
    return this.#pieces.subarray(at, at + length);
  }

  /** Memory of at least `length` bytes for the object. */
  object(length: number): Buffer {
    if (this.#object && this.#object.length >= length) return this.#object;
    this.leaveObject();
    if (length > 2 * MAX_KEPT_BYTES) return Buffer.allocUnsafeSlow(length);
    this.#object = pageMemory.take(Math.ceil(1.25 * length));
    return this.#object;
  }

  /** The memory of the object is not used again: a request that failed may still read it. */
  leaveObject(): void {
    if (this.#object) pageMemory.drop(this.#object);
    this.#object = undefined;
  }
}

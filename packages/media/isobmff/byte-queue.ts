/**
 * A queue of bytes that arrive in pieces and are read in other sizes.
 * In: arrays of any length. Out: arrays of the requested length, without a copy if one piece holds them.
 * Pure.
 */

/** First-in, first-out queue of bytes. Pieces are kept, never changed. */
export class ByteQueue {
  #pieces: Uint8Array[] = [];
  /** Bytes of the first piece that are already taken. */
  #taken = 0;
  #length = 0;

  /** Bytes in the queue. */
  get length(): number {
    return this.#length;
  }

  /** Adds bytes at the end. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#length += bytes.length;
  }

  /** The first `count` bytes, or all if there are fewer; they stay in the queue. */
  peek(count: number): Uint8Array {
    const length = Math.min(count, this.#length);
    const first = this.#pieces[0];
    if (first && first.length - this.#taken >= length) return first.subarray(this.#taken, this.#taken + length);
    const joined = new Uint8Array(length);
    let at = 0;
    let from = this.#taken;
    for (const piece of this.#pieces) {
      if (at === length) break;
      const part = piece.subarray(from, from + length - at);
      joined.set(part, at);
      at += part.length;
      from = 0;
    }
    return joined;
  }

  /** Removes and returns the first `count` bytes; there must be that many. */
  take(count: number): Uint8Array {
    const bytes = this.peek(count);
    this.skip(count);
    return bytes;
  }

  /** Drops the first `count` bytes, or all if there are fewer; returns the number. */
  skip(count: number): number {
    const dropped = Math.min(count, this.#length);
    this.#length -= dropped;
    let left = dropped + this.#taken;
    let pieces = 0;
    while (pieces < this.#pieces.length && left >= this.#pieces[pieces]!.length) left -= this.#pieces[pieces++]!.length;
    this.#pieces.splice(0, pieces);
    this.#taken = left;
    return dropped;
  }

  /** Drops everything. */
  clear(): void {
    this.skip(this.#length);
  }
}

/**
 * Bytes that came in pieces and are wanted as wholes.
 * In: arrays of any length. Out: arrays of the requested length, without a copy if one piece holds them. Pure.
 */

/** A first-in, first-out line of bytes. Pieces are kept, never changed. */
export class ByteQueue {
  #pieces: Uint8Array[] = [];
  /** Bytes of the first piece that are already taken. */
  #taken = 0;
  #length = 0;

  /** Bytes that wait. */
  get length(): number {
    return this.#length;
  }

  /** Adds bytes at the end. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#length += bytes.length;
  }

  /** The first `count` bytes, which stay; fewer where fewer wait. */
  peek(count: number): Uint8Array {
    const wanted = Math.min(count, this.#length);
    const first = this.#pieces[0];
    if (first && first.length - this.#taken >= wanted) return first.subarray(this.#taken, this.#taken + wanted);
    const joined = new Uint8Array(wanted);
    let at = 0;
    let from = this.#taken;
    for (const piece of this.#pieces) {
      if (at === wanted) break;
      const part = piece.subarray(from, from + wanted - at);
      joined.set(part, at);
      at += part.length;
      from = 0;
    }
    return joined;
  }

  /** Takes the first `count` bytes out; there must be that many. */
  take(count: number): Uint8Array {
    const bytes = this.peek(count);
    this.skip(count);
    return bytes;
  }

  /** Drops the first `count` bytes, or all where fewer wait; gives how many. */
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

/**
 * Chunk files in memory, as the pieces that were written: a worker sends them without a copy, and without a
 * file in between.
 * In: the calls of chunk-writer. Out: pieces of a complete file, in order.
 */
import {
  missingObject,
  type SegmentLocation,
  type SegmentPrefix,
  type SegmentStore,
  type SegmentWriter,
} from './segment-store.ts';

/** Holds pieces until they are deleted; they must not change until then. */
export class PieceStore implements Pick<SegmentStore, 'create' | 'delete'> {
  readonly #objects = new Map<string, Uint8Array[]>();

  async create(location: SegmentLocation, head: readonly Uint8Array[]): Promise<SegmentWriter> {
    if (this.#objects.has(location)) throw new Error(`EEXIST: ${location} exists`);
    const pieces = [...head];
    this.#objects.set(location, pieces);
    return new PieceWriter(location, pieces);
  }

  async delete(prefix: SegmentPrefix): Promise<void> {
    for (const location of this.#objects.keys()) if (location.startsWith(prefix)) this.#objects.delete(location);
  }

  /**
   * The pieces of an object, in order.
   *
   * @throws OxbowError `gone`
   */
  pieces(location: SegmentLocation): readonly Uint8Array[] {
    const pieces = this.#objects.get(location);
    if (!pieces) throw missingObject();
    return pieces;
  }
}

class PieceWriter implements SegmentWriter {
  readonly location: SegmentLocation;
  readonly #pieces: Uint8Array[];
  #length: number;

  constructor(location: SegmentLocation, pieces: Uint8Array[]) {
    this.location = location;
    this.#pieces = pieces;
    this.#length = pieces.reduce((sum, { length }) => sum + length, 0);
  }

  get length(): number {
    return this.#length;
  }

  async append(pieces: readonly Uint8Array[]): Promise<void> {
    for (const piece of pieces) {
      this.#pieces.push(piece);
      this.#length += piece.length;
    }
  }

  async patch(offset: number, bytes: Uint8Array): Promise<void> {
    let start = 0;
    for (const [i, piece] of this.#pieces.entries()) {
      const from = Math.max(offset, start);
      const to = Math.min(offset + bytes.length, start + piece.length);
      if (from < to) {
        const changed = new Uint8Array(piece);
        changed.set(bytes.subarray(from - offset, to - offset), from - start);
        this.#pieces[i] = changed;
      }
      start += piece.length;
    }
  }

  async truncate(length: number): Promise<void> {
    let start = 0;
    for (const [i, piece] of this.#pieces.entries()) {
      this.#pieces[i] = piece.subarray(0, Math.max(0, Math.min(piece.length, length - start)));
      start += piece.length;
    }
    this.#length = Math.min(this.#length, length);
  }

  async sync(): Promise<void> {}

  async finish(): Promise<void> {}

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}

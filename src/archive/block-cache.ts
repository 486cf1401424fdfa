/**
 * Blocks of chunk files that many viewers ask for, read once and shared: rewinding crowds go to the same minutes.
 * In: path, offset, length. Out: views of blocks; they are never written again, and whoever holds one may keep it.
 * Bounded: the block that was asked for longest ago goes first.
 */

/** What one read of a disk brings, bytes. */
const BLOCK_BYTES = 1024 * 1024;
/** How many stay: 64 MiB. */
const MAX_BLOCKS = 64;

/** Reads as many bytes as there are, `length` at the most. */
export type ReadSome = (path: string, offset: number, length: number) => Promise<Uint8Array>;

interface Block {
  readonly path: string;
  readonly index: number;
  readonly reading: Promise<Uint8Array>;
  /** Once it was read. */
  bytes?: Uint8Array;
}

/** The blocks. */
export class BlockCache {
  readonly #readSome: ReadSome;
  /** By file, then by number of the block; reads that are under way are joined. */
  readonly #files = new Map<string, Map<number, Block>>();
  /** In the order of use. */
  readonly #used = new Set<Block>();
  readonly #maxBlocks: number;

  /** @param readSome reads a file */
  constructor(readSome: ReadSome, maxBlocks = MAX_BLOCKS) {
    this.#readSome = readSome;
    this.#maxBlocks = maxBlocks;
  }

  /** Bytes that are held. */
  get bytes(): number {
    let sum = 0;
    for (const { bytes } of this.#used) sum += bytes?.length ?? 0;
    return sum;
  }

  /**
   * The range as views of blocks, in order. Rejects with the system's error, and with RangeError where the file is shorter.
   *
   * @param length bytes, more than 0
   */
  async read(path: string, offset: number, length: number): Promise<Uint8Array[]> {
    const ready = this.peek(path, offset, length);
    if (ready) return ready;
    const end = offset + length;
    const reads: Promise<Uint8Array>[] = [];
    for (let index = Math.floor(offset / BLOCK_BYTES); index * BLOCK_BYTES < end; index++) {
      reads.push(this.#block(path, index, Math.min(end - index * BLOCK_BYTES, BLOCK_BYTES)));
    }
    return viewsOf(await Promise.all(reads), offset, length);
  }

  /** The range as views of blocks where all of them are here; else undefined. */
  peek(path: string, offset: number, length: number): Uint8Array[] | undefined {
    const file = this.#files.get(path);
    if (!file) return undefined;
    const end = offset + length;
    const found: Uint8Array[] = [];
    for (let index = Math.floor(offset / BLOCK_BYTES); index * BLOCK_BYTES < end; index++) {
      const block = file.get(index);
      if (!block?.bytes || block.bytes.length < Math.min(end - index * BLOCK_BYTES, BLOCK_BYTES)) return undefined;
      this.#use(block);
      found.push(block.bytes);
    }
    return viewsOf(found, offset, length);
  }

  /** Lets go of a file that is about to be deleted or replaced. */
  forget(path: string): void {
    for (const block of this.#files.get(path)?.values() ?? []) this.#used.delete(block);
    this.#files.delete(path);
  }

  /** A block of which `wanted` bytes are needed; where the file was shorter when it was read, it is read again. */
  async #block(path: string, index: number, wanted: number): Promise<Uint8Array> {
    const known = this.#files.get(path)?.get(index);
    if (known) {
      const bytes = await known.reading;
      if (bytes.length >= wanted) {
        this.#use(known);
        return bytes;
      }
      this.#drop(known);
    }
    // Somebody may have begun to read it again meanwhile.
    const block = this.#files.get(path)?.get(index) ?? this.#begin(path, index);
    const bytes = await block.reading;
    if (bytes.length < wanted) throw new RangeError(`${path} ends before ${index * BLOCK_BYTES + wanted}`);
    return bytes;
  }

  #begin(path: string, index: number): Block {
    const block: Block = { path, index, reading: this.#readSome(path, index * BLOCK_BYTES, BLOCK_BYTES) };
    const file = this.#files.get(path) ?? new Map<number, Block>();
    this.#files.set(path, file);
    file.set(index, block);
    this.#used.add(block);
    block.reading.then(
      (bytes) => {
        block.bytes = bytes;
      },
      () => this.#drop(block), // whoever asked is told; the next one tries again
    );
    for (const oldest of this.#used) {
      if (this.#used.size <= this.#maxBlocks) break;
      this.#drop(oldest);
    }
    return block;
  }

  #use(block: Block): void {
    if (this.#used.delete(block)) this.#used.add(block);
  }

  #drop(block: Block): void {
    this.#used.delete(block);
    const file = this.#files.get(block.path);
    if (file?.get(block.index) !== block) return;
    file.delete(block.index);
    if (file.size === 0) this.#files.delete(block.path);
  }
}

/** Cuts the range out of the blocks that it lies in. */
function viewsOf(blocks: readonly Uint8Array[], offset: number, length: number): Uint8Array[] {
  const first = Math.floor(offset / BLOCK_BYTES) * BLOCK_BYTES;
  return blocks.map((block, i) => {
    const start = first + i * BLOCK_BYTES;
    return block.subarray(Math.max(0, offset - start), Math.min(offset + length - start, BLOCK_BYTES));
  });
}

/**
 * A cache of blocks of chunk files: many viewers rewind to the same minutes.
 * In: location, offset, length. Out: views of blocks, which are never changed, so callers may keep them.
 * Bounded: evicts the least recently requested block first, and blocks not requested in the last minutes.
 */
import { Recent, type RecentOptions } from '../lib/recent.ts';
import { type SegmentLocation, type SegmentPrefix, ShortReadError } from './segment-store.ts';

/** Bytes of one read of the disk. */
const BLOCK_BYTES = 256 * 1024;
/**
 * Usual size per thread. The system's page cache has the same bytes: with few viewers a miss costs a copy,
 * not a disk read.
 */
const MAX_BYTES = 4 * 1024 * 1024;
/**
 * A block requested again within this time after its eviction has many viewers: the cache grows, because a
 * miss costs four times the CPU of the rest, ms.
 */
const AGAIN_MS = 500;
/** Largest size of the cache, bytes. */
export const MOST_BLOCK_BYTES: number = 64 * 1024 * 1024;
const BOUNDS: RecentOptions = { maxBytes: MAX_BYTES, grows: { mostBytes: MOST_BLOCK_BYTES, againMs: AGAIN_MS } };

/** Reads up to `length` bytes; fewer at the end of the file. */
type ReadSome = (location: SegmentLocation, offset: number, length: number) => Promise<Uint8Array>;

interface Block {
  readonly location: SegmentLocation;
  readonly index: number;
  readonly reading: Promise<Uint8Array>;
  /** Present after the read. */
  bytes?: Uint8Array;
}

/** The cache of one thread. */
export class BlockCache {
  readonly #readSome: ReadSome;
  /** By file and block number; concurrent requests share one read. */
  readonly #blocks: Recent<Block>;

  /**
   * @param readSome reads a file
   * @param bounds of the cache, bytes and time
   */
  constructor(readSome: ReadSome, bounds: RecentOptions = BOUNDS) {
    this.#readSome = readSome;
    this.#blocks = new Recent(bounds);
  }

  /** Bytes in memory or being read. */
  get bytes(): number {
    return this.#blocks.bytes;
  }

  /**
   * The range as views of blocks, in order.
   *
   * @param length bytes, more than 0
   * @throws ShortReadError if the file is shorter; errors of the system
   */
  async read(location: SegmentLocation, offset: number, length: number): Promise<Uint8Array[]> {
    const ready = this.peek(location, offset, length);
    if (ready) return ready;
    const end = offset + length;
    const reads: Promise<Uint8Array>[] = [];
    for (let index = Math.floor(offset / BLOCK_BYTES); index * BLOCK_BYTES < end; index++) {
      reads.push(this.#block(location, index, Math.min(end - index * BLOCK_BYTES, BLOCK_BYTES)));
    }
    return viewsOf(await Promise.all(reads), offset, length);
  }

  /** The range as views of blocks; undefined unless all blocks are in memory. */
  peek(location: SegmentLocation, offset: number, length: number): Uint8Array[] | undefined {
    const end = offset + length;
    const blocks: Uint8Array[] = [];
    for (let index = Math.floor(offset / BLOCK_BYTES); index * BLOCK_BYTES < end; index++) {
      const block = this.#blocks.get(nameOf(location, index));
      if (!block?.bytes || block.bytes.length < Math.min(end - index * BLOCK_BYTES, BLOCK_BYTES)) return undefined;
      blocks.push(block.bytes);
    }
    return viewsOf(blocks, offset, length);
  }

  /** Removes the blocks of deleted or replaced files. */
  forget(prefix: SegmentPrefix): void {
    for (const [name, block] of this.#blocks.entries())
      if (block.location.startsWith(prefix)) this.#blocks.delete(name);
  }

  /** Evicts blocks not requested lately; a timer calls it too. */
  sweep(): void {
    this.#blocks.sweep();
  }

  /** Removes all blocks. */
  clear(): void {
    this.#blocks[Symbol.dispose]();
  }

  /** A block with at least `wanted` bytes; read again if the file has grown since. */
  async #block(location: SegmentLocation, index: number, wanted: number): Promise<Uint8Array> {
    const name = nameOf(location, index);
    const cached = this.#blocks.get(name);
    if (cached) {
      const bytes = await cached.reading;
      if (bytes.length >= wanted) return bytes;
      this.#drop(cached);
    }
    // Another request may have started the read meanwhile.
    const block = this.#blocks.get(name) ?? this.#begin(location, index);
    const bytes = await block.reading;
    if (bytes.length < wanted) throw new ShortReadError(location, index * BLOCK_BYTES + wanted);
    return bytes;
  }

  #begin(location: SegmentLocation, index: number): Block {
    const reading = this.#readSome(location, index * BLOCK_BYTES, BLOCK_BYTES).then(withoutSpare);
    const block: Block = { location, index, reading };
    const name = nameOf(location, index);
    this.#blocks.set(name, block, BLOCK_BYTES);
    reading.then(
      (bytes) => {
        block.bytes = bytes;
        if (this.#blocks.peek(name) === block) this.#blocks.set(name, block, bytes.length);
      },
      () => this.#drop(block), // the callers get the error; the next request reads again
    );
    return block;
  }

  #drop(block: Block): void {
    const name = nameOf(block.location, block.index);
    if (this.#blocks.peek(name) === block) this.#blocks.delete(name);
  }
}

function nameOf(location: SegmentLocation, index: number): string {
  return `${location}#${index}`;
}

/** Copies the last block of a file, which does not fill its buffer. */
function withoutSpare(bytes: Uint8Array): Uint8Array {
  return bytes.length < bytes.buffer.byteLength ? bytes.slice() : bytes;
}

/** Cuts the range out of its blocks. */
function viewsOf(blocks: readonly Uint8Array[], offset: number, length: number): Uint8Array[] {
  const first = Math.floor(offset / BLOCK_BYTES) * BLOCK_BYTES;
  return blocks.map((block, i) => {
    const start = first + i * BLOCK_BYTES;
    return block.subarray(Math.max(0, offset - start), Math.min(offset + length - start, BLOCK_BYTES));
  });
}

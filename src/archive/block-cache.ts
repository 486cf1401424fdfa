/**
 * Blocks of chunk files that many viewers request, read once and shared: crowds rewind to the same minutes.
 * In: location, offset, length. Out: views of blocks; they are never written again, so callers may keep them.
 * Bounded: the block that was requested longest ago goes first, and each that nobody requested in the last minutes.
 */
import { Recent, type RecentOptions } from '../lib/recent.ts';
import type { SegmentLocation, SegmentPrefix } from './segment-store.ts';

/** What one read of a disk brings, bytes. */
const BLOCK_BYTES = 256 * 1024;
/**
 * Usual size, of each thread that reads. The system has the same bytes once more in its own cache: for a few viewers a miss costs a copy,
 * not the disk.
 */
const MAX_BYTES = 4 * 1024 * 1024;
/** A block that comes back so soon is requested by a crowd, for whom a miss costs four times as much CPU as all the rest, ms. */
const AGAIN_MS = 500;
/** What a crowd may take. */
export const MOST_BLOCK_BYTES: number = 64 * 1024 * 1024;
const BOUNDS: RecentOptions = { maxBytes: MAX_BYTES, grows: { mostBytes: MOST_BLOCK_BYTES, againMs: AGAIN_MS } };

/** Reads as many bytes as there are, `length` at the most. */
export type ReadSome = (location: SegmentLocation, offset: number, length: number) => Promise<Uint8Array>;

interface Block {
  readonly location: SegmentLocation;
  readonly index: number;
  readonly reading: Promise<Uint8Array>;
  /** Once it was read. */
  bytes?: Uint8Array;
}

/** The blocks. */
export class BlockCache {
  readonly #readSome: ReadSome;
  /** By file and number of the block; reads that are under way are joined. */
  readonly #blocks: Recent<Block>;

  /**
   * @param readSome reads a file
   * @param bounds of all blocks
   */
  constructor(readSome: ReadSome, bounds: RecentOptions = BOUNDS) {
    this.#readSome = readSome;
    this.#blocks = new Recent(bounds);
  }

  /** Bytes that are held, or being read. */
  get bytes(): number {
    return this.#blocks.bytes;
  }

  /**
   * The range as views of blocks, in order. Rejects with the system's error, and with RangeError where the file is shorter.
   *
   * @param length bytes, more than 0
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

  /** The range as views of blocks where all of them are here; else undefined. */
  peek(location: SegmentLocation, offset: number, length: number): Uint8Array[] | undefined {
    const end = offset + length;
    const found: Uint8Array[] = [];
    for (let index = Math.floor(offset / BLOCK_BYTES); index * BLOCK_BYTES < end; index++) {
      const block = this.#blocks.get(nameOf(location, index));
      if (!block?.bytes || block.bytes.length < Math.min(end - index * BLOCK_BYTES, BLOCK_BYTES)) return undefined;
      found.push(block.bytes);
    }
    return viewsOf(found, offset, length);
  }

  /** Drops the blocks of what is deleted or replaced. */
  forget(prefix: SegmentPrefix): void {
    for (const [name, block] of this.#blocks.entries())
      if (block.location.startsWith(prefix)) this.#blocks.delete(name);
  }

  /** Lets go of what nobody asked for of late; called by itself. */
  sweep(): void {
    this.#blocks.sweep();
  }

  /** Lets go of everything. */
  clear(): void {
    this.#blocks[Symbol.dispose]();
  }

  /** A block of which `wanted` bytes are needed; where the file was shorter when it was read, it is read again. */
  async #block(location: SegmentLocation, index: number, wanted: number): Promise<Uint8Array> {
    const name = nameOf(location, index);
    const known = this.#blocks.get(name);
    if (known) {
      const bytes = await known.reading;
      if (bytes.length >= wanted) return bytes;
      this.#drop(known);
    }
    // Somebody may have begun to read it again meanwhile.
    const block = this.#blocks.get(name) ?? this.#begin(location, index);
    const bytes = await block.reading;
    if (bytes.length < wanted) throw new RangeError(`${location} ends before ${index * BLOCK_BYTES + wanted}`);
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
      () => this.#drop(block), // whoever asked is told; the next one tries again
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

/** At the end of a file less was read than there was room for. */
function withoutSpare(bytes: Uint8Array): Uint8Array {
  return bytes.length < bytes.buffer.byteLength ? bytes.slice() : bytes;
}

/** Cuts the range out of the blocks that it lies in. */
function viewsOf(blocks: readonly Uint8Array[], offset: number, length: number): Uint8Array[] {
  const first = Math.floor(offset / BLOCK_BYTES) * BLOCK_BYTES;
  return blocks.map((block, i) => {
    const start = first + i * BLOCK_BYTES;
    return block.subarray(Math.max(0, offset - start), Math.min(offset + length - start, BLOCK_BYTES));
  });
}

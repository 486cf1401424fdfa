/**
 * Blocks of memory for the media of segments, used again one after the other. A new block costs page faults
 * and its unmapping, and V8 counts it as growth of the heap, which causes collections.
 * In: blocks whose bytes are not used any more. Out: blocks for packager/track-writer. Decision 0019.
 */
import { preferLargePages } from './large-pages.ts';

/**
 * Unused blocks in total, in bytes, as a share of the blocks in use, and in blocks of the size that was given
 * last; the largest one applies, and the oldest are freed first. Each segment of a stream begins shortly
 * before or after its oldest one leaves memory, so two of its few large blocks are unused at times.
 */
const MAX_FREE_BYTES = 16 * 1024 * 1024;
const MAX_FREE_SHARE = 0.25;
const MAX_FREE_BLOCKS = 2.5;
/** An unused block is freed after this, ms; at most twice as late. */
const KEPT_MS = 60_000;
/** A block may be this many times as large as needed. */
const ROOM = 1.4;

interface Free {
  readonly buffer: ArrayBuffer;
  readonly sinceMs: number;
}

/** Blocks that were given back. */
export class SlabPool {
  /** Blocks in use. */
  readonly #used = new WeakSet<ArrayBufferLike>();
  /** Blocks that were neither given back nor forgotten, e.g. of a stream that was removed. */
  readonly #collected = new FinalizationRegistry<number>((bytes) => {
    this.#usedBytes -= bytes;
  });
  #usedBytes = 0;
  /** Oldest first. */
  #free: Free[] = [];
  #freeBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Unused blocks, bytes. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** Blocks in use and unused blocks, bytes: memory that is not garbage. */
  get bytes(): number {
    return this.#usedBytes + this.#freeBytes;
  }

  /**
   * A block of `bytes`, or a used one of `least` to 1.4 times `bytes`; its content is undefined.
   *
   * @param least of a used block, bytes; default `bytes`
   */
  take(bytes: number, { least = bytes }: { readonly least?: number } = {}): Uint8Array {
    const index = this.#free.findLastIndex(({ buffer: { byteLength } }) => {
      return byteLength >= least && byteLength <= bytes * ROOM;
    });
    const buffer = index < 0 ? newBlock(bytes) : this.#free.splice(index, 1)[0]!.buffer;
    if (index >= 0) this.#freeBytes -= buffer.byteLength;
    this.#used.add(buffer);
    this.#collected.register(buffer, buffer.byteLength, buffer);
    this.#usedBytes += buffer.byteLength;
    return new Uint8Array(buffer);
  }

  /**
   * Takes a block back. All views of it become empty: its bytes must not be in use any more, nor being read
   * or written. Memory that is not a block of this pool is left as it is.
   *
   * @param view of the block, or of a part of it
   * @returns false for memory that is not a block of this pool
   */
  give({ buffer }: Uint8Array): boolean {
    const bytes = buffer.byteLength;
    if (!this.#release(buffer)) return false;
    this.#freeBytes += bytes;
    // Views that were forgotten somewhere must not show the next segment.
    this.#free.push({ buffer: buffer.transfer(), sinceMs: performance.now() });
    const most = Math.max(MAX_FREE_BYTES, this.#usedBytes * MAX_FREE_SHARE, bytes * MAX_FREE_BLOCKS);
    while (this.#freeBytes > most) this.#dropOldest();
    this.#timer ??= setInterval(() => this.#sweep(), KEPT_MS).unref();
    return true;
  }

  /**
   * A block is left to the collector, because its bytes may still be in use.
   * @param view of the block, or of a part of it
   */
  forget({ buffer }: Uint8Array): void {
    this.#release(buffer);
  }

  #release(buffer: ArrayBufferLike): buffer is ArrayBuffer {
    if (!this.#used.delete(buffer)) return false;
    this.#collected.unregister(buffer);
    this.#usedBytes -= buffer.byteLength;
    return true;
  }

  #sweep(): void {
    const untilMs = performance.now() - KEPT_MS;
    while (this.#free[0] && this.#free[0].sinceMs <= untilMs) this.#dropOldest();
    if (this.#free.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #dropOldest(): void {
    const { buffer } = this.#free.shift()!;
    this.#freeBytes -= buffer.byteLength;
    buffer.transfer(0);
  }
}

function newBlock(bytes: number): ArrayBuffer {
  const block = new Uint8Array(bytes);
  preferLargePages(block);
  return block.buffer;
}

/** The blocks of this thread. */
export const slabPool: SlabPool = new SlabPool();
/** Blocks for received frames, which are in use for a few milliseconds: a few blocks serve all streams. */
export const framePool: SlabPool = new SlabPool();

/**
 * Reads ranges of stored media, and shares blocks of what many viewers ask for.
 * In: location, offset, length. Out: bytes. Locations come from the index, never from a request.
 */
import { BlockCache, MOST_BLOCK_BYTES } from './block-cache.ts';
import type { SegmentLocation, SegmentPrefix, SegmentStore } from './segment-store.ts';

/** Reads ranges. Closing it drops the blocks; the store stays open. */
export interface RangeReader extends Disposable {
  /** Bytes that stay in memory for whoever reads them next. */
  readonly blockBytes: number;
  /** At the most. */
  readonly maxBlockBytes: number;
  /**
   * Reads exactly `length` bytes at `offset` into a new array.
   *
   * Rejects as the store does, and with RangeError if the object is shorter.
   */
  read(location: SegmentLocation, offset: number, length: number): Promise<Uint8Array>;
  /**
   * The same through blocks that readers share, for what many viewers ask for: views that must not be written to.
   *
   * Rejects as `read`.
   */
  shared(location: SegmentLocation, offset: number, length: number): Promise<readonly Uint8Array[]>;
  /** What `shared` would give, where it is in memory. */
  peek(location: SegmentLocation, offset: number, length: number): readonly Uint8Array[] | undefined;
  /** Drops the blocks of what is deleted or replaced, and has the store let go of it; later reads open it again. */
  forget(prefix: SegmentPrefix): void;
}

/** Opens a reader of a store. */
export function openRangeReader(store: SegmentStore): RangeReader {
  const blocks = new BlockCache((location, offset, length) => store.read(location, { offset, length }));
  return {
    maxBlockBytes: MOST_BLOCK_BYTES,
    get blockBytes() {
      return blocks.bytes;
    },
    async read(location, offset, length) {
      const bytes = await store.read(location, { offset, length });
      if (bytes.length < length) throw new RangeError(`${location} ends before ${offset + length}`);
      return bytes;
    },
    shared: (location, offset, length) => blocks.read(location, offset, length),
    peek: (location, offset, length) => blocks.peek(location, offset, length),
    forget(prefix) {
      blocks.forget(prefix);
      store.release(prefix);
    },
    [Symbol.dispose]: () => blocks.clear(),
  };
}

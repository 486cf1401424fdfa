/**
 * Reads ranges of stored media, and shares blocks that many viewers request.
 * In: location, offset, length. Out: bytes. Locations come from the index, never from a request.
 */

import { Emitter } from '../lib/events.ts';
import { BlockCache, MOST_BLOCK_BYTES } from './block-cache.ts';
import { type SegmentLocation, type SegmentPrefix, type SegmentStore, ShortReadError } from './segment-store.ts';

/** Reads ranges. Closing it drops the blocks; the store stays open. */
export interface RangeReader extends Disposable {
  /** Bytes of cached blocks. */
  readonly blockBytes: number;
  /** Largest size of the cache, bytes. */
  readonly maxBlockBytes: number;
  /**
   * Reads exactly `length` bytes at `offset` into a new array.
   *
   * Rejects as the store does, and with ShortReadError if the object is shorter.
   */
  read(location: SegmentLocation, offset: number, length: number): Promise<Uint8Array>;
  /**
   * Like `read`, through shared blocks, for ranges that many viewers request. The views must not be changed.
   *
   * Rejects as `read`.
   */
  shared(location: SegmentLocation, offset: number, length: number): Promise<readonly Uint8Array[]>;
  /** The result of `shared` if all of it is in memory; otherwise undefined. */
  peek(location: SegmentLocation, offset: number, length: number): readonly Uint8Array[] | undefined;
  /** Emits the location of a file in which a read met other bytes than its index says, or none. */
  readonly damaged: Emitter<SegmentLocation>;
  /** Removes the blocks of deleted or replaced files, and closes them in the store; later reads open them again. */
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
      if (bytes.length < length) throw new ShortReadError(location, offset + length);
      return bytes;
    },
    shared: (location, offset, length) => blocks.read(location, offset, length),
    damaged: new Emitter(),
    peek: (location, offset, length) => blocks.peek(location, offset, length),
    forget(prefix) {
      blocks.forget(prefix);
      store.release(prefix);
    },
    [Symbol.dispose]: () => blocks.clear(),
  };
}

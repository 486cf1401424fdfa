/**
 * Reads ranges of stored media, and shares blocks that many viewers request.
 * In: location, offset, length. Out: bytes. Locations come from the index, never from a request.
 */
import { dropOldest } from '../lib/drop-oldest.ts';
import { Emitter } from '../lib/events.ts';
import { BlockCache, MOST_BLOCK_BYTES } from './block-cache.ts';
import {
  missingObject,
  type SegmentLocation,
  type SegmentPrefix,
  type SegmentRange,
  type SegmentStore,
  ShortReadError,
} from './segment-store.ts';

/** Files with deleted ranges that are remembered. */
const MAX_REFUSED = 10_000;

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
  /** Refuses these ranges from now on: their bytes were deleted from files that are left. */
  refuse(ranges: readonly SegmentRange[]): void;
  /**
   * Removes the blocks of deleted or replaced files, and closes them in the store; later reads open them
   * again.
   */
  forget(prefix: SegmentPrefix): void;
}

/** Opens a reader of a store. */
export function openRangeReader(store: SegmentStore): RangeReader {
  /** Readers that have these ranges from the index of before: each lasts as long as a download. */
  const refused = new Map<SegmentLocation, readonly SegmentRange[]>();
  const isRefused = (location: SegmentLocation, offset: number, length: number) =>
    refused.get(location)?.some((range) => offset < range.offset + range.length && offset + length > range.offset) ??
    false;
  const check = (location: SegmentLocation, offset: number, length: number) => {
    if (isRefused(location, offset, length)) throw missingObject();
  };
  const blocks = new BlockCache((location, offset, length) => store.read(location, { offset, length }));
  return {
    maxBlockBytes: MOST_BLOCK_BYTES,
    get blockBytes() {
      return blocks.bytes;
    },
    async read(location, offset, length) {
      check(location, offset, length);
      const bytes = await store.read(location, { offset, length });
      // Again: it may have been deleted meanwhile.
      check(location, offset, length);
      if (bytes.length < length) throw new ShortReadError(location, offset + length);
      return bytes;
    },
    async shared(location, offset, length) {
      check(location, offset, length);
      const views = await blocks.read(location, offset, length);
      check(location, offset, length);
      return views;
    },
    damaged: new Emitter(),
    peek: (location, offset, length) =>
      isRefused(location, offset, length) ? undefined : blocks.peek(location, offset, length),
    refuse(ranges) {
      for (const range of ranges) refused.set(range.location, [...(refused.get(range.location) ?? []), range]);
      dropOldest(refused, MAX_REFUSED);
    },
    forget(prefix) {
      blocks.forget(prefix);
      store.release(prefix);
    },
    [Symbol.dispose]: () => blocks.clear(),
  };
}

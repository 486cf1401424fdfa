/**
 * Reads ranges of chunk files through a few files that stay open.
 * In: location, offset, length. Out: bytes. Locations come from the index, never from a request.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { BlockCache, MOST_BLOCK_BYTES } from './block-cache.ts';
import { readAt } from './chunk-reader.ts';
import type { SegmentLocation, SegmentPrefix } from './segment-store.ts';

/** Reads ranges; close it when the last read is done. */
export interface RangeReader extends AsyncDisposable {
  /** Files open now. */
  readonly openFiles: number;
  /** Bytes that stay in memory for whoever reads them next. */
  readonly blockBytes: number;
  /** At the most. */
  readonly maxBlockBytes: number;
  /**
   * Reads exactly `length` bytes at `offset` into a new array.
   *
   * Rejects with the system's error if the file cannot be opened or read, and with RangeError if it is shorter.
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
  /**
   * Closes what is deleted or replaced when its reads are done, and drops its cached blocks; later reads open it again.
   */
  forget(prefix: SegmentPrefix): void;
  /** Closes all files when their reads are done; may be called twice. Reads after it reject. */
  close(): Promise<void>;
}

interface Entry {
  readonly file: Promise<FileHandle>;
  reads: number;
  /** No longer in the cache: closed when the last read ends. */
  dropped: boolean;
  readonly closed: PromiseWithResolvers<void>;
}

/**
 * @param options.folder where locations start from
 * @param options.maxOpen files kept open; more only while more are read at once
 */
export function openRangeReader({ folder, maxOpen = 64 }: { folder: string; maxOpen?: number }): RangeReader {
  /** Least recently used first. */
  const entries = new Map<SegmentLocation, Entry>();
  const closing = new Set<Promise<void>>();
  let isClosed = false;

  function closeWhenIdle(entry: Entry): void {
    if (!entry.dropped || entry.reads > 0) return;
    entry.file
      .then((file) => file.close())
      // It never opened, or the system would not close it: its readers were told, and nothing was written.
      .catch(() => {})
      .finally(() => {
        closing.delete(entry.closed.promise);
        entry.closed.resolve();
      });
  }

  function drop(location: SegmentLocation, entry: Entry): void {
    if (entries.get(location) === entry) entries.delete(location);
    if (entry.dropped) return;
    entry.dropped = true;
    closing.add(entry.closed.promise);
    closeWhenIdle(entry);
  }

  function take(location: SegmentLocation): Entry {
    const present = entries.get(location);
    const entry = present ?? {
      file: open(join(folder, location), 'r'),
      reads: 0,
      dropped: false,
      closed: Promise.withResolvers<void>(),
    };
    entry.reads++;
    entries.delete(location);
    entries.set(location, entry);
    for (const [oldest, old] of entries) {
      if (entries.size <= maxOpen) break;
      if (old !== entry) drop(oldest, old);
    }
    return entry;
  }

  async function close(): Promise<void> {
    isClosed = true;
    blocks.clear();
    for (const [location, entry] of [...entries]) drop(location, entry);
    await Promise.all(closing);
  }

  async function readSome(location: SegmentLocation, offset: number, length: number): Promise<Uint8Array> {
    if (isClosed) throw new RangeError('the reader is closed');
    const entry = take(location);
    try {
      return await readAt(await entry.file, offset, length);
    } catch (error) {
      drop(location, entry);
      throw error;
    } finally {
      entry.reads--;
      closeWhenIdle(entry);
    }
  }

  const blocks = new BlockCache(readSome);
  return {
    maxBlockBytes: MOST_BLOCK_BYTES,
    get openFiles() {
      return entries.size + closing.size;
    },
    get blockBytes() {
      return blocks.bytes;
    },
    async read(location, offset, length) {
      const bytes = await readSome(location, offset, length);
      if (bytes.length < length) throw new RangeError(`${location} ends before ${offset + length}`);
      return bytes;
    },
    shared: (location, offset, length) => blocks.read(location, offset, length),
    peek: (location, offset, length) => blocks.peek(location, offset, length),
    forget(prefix) {
      blocks.forget(prefix);
      for (const [location, entry] of [...entries]) if (location.startsWith(prefix)) drop(location, entry);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/**
 * Reads ranges of chunk files through a few files that stay open.
 * In: path, offset, length. Out: bytes. Paths come from the index, never from a request.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { BlockCache, isIn, MOST_BLOCK_BYTES } from './block-cache.ts';
import { readAt } from './chunk-reader.ts';

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
  read(path: string, offset: number, length: number): Promise<Uint8Array>;
  /**
   * The same through blocks that readers share, for what many viewers ask for: views that must not be written to.
   *
   * Rejects as `read`.
   */
  shared(path: string, offset: number, length: number): Promise<readonly Uint8Array[]>;
  /** What `shared` would give, where it is in memory. */
  peek(path: string, offset: number, length: number): readonly Uint8Array[] | undefined;
  /**
   * Closes a file, or all files of a folder, that is deleted or replaced, when its reads are done, and drops what is cached of it;
   * later reads open it again.
   */
  forget(path: string): void;
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
 * @param options.maxOpen files kept open; more only while more are read at once
 */
export function openRangeReader({ maxOpen = 64 } = {}): RangeReader {
  /** Least recently used first. */
  const entries = new Map<string, Entry>();
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

  function drop(path: string, entry: Entry): void {
    if (entries.get(path) === entry) entries.delete(path);
    if (entry.dropped) return;
    entry.dropped = true;
    closing.add(entry.closed.promise);
    closeWhenIdle(entry);
  }

  function take(path: string): Entry {
    const present = entries.get(path);
    const entry = present ?? { file: open(path, 'r'), reads: 0, dropped: false, closed: Promise.withResolvers<void>() };
    entry.reads++;
    entries.delete(path);
    entries.set(path, entry);
    for (const [oldPath, old] of entries) {
      if (entries.size <= maxOpen) break;
      if (old !== entry) drop(oldPath, old);
    }
    return entry;
  }

  async function close(): Promise<void> {
    isClosed = true;
    blocks.clear();
    for (const [path, entry] of [...entries]) drop(path, entry);
    await Promise.all(closing);
  }

  async function readSome(path: string, offset: number, length: number): Promise<Uint8Array> {
    if (isClosed) throw new RangeError('the reader is closed');
    const entry = take(path);
    try {
      return await readAt(await entry.file, offset, length);
    } catch (error) {
      drop(path, entry);
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
    async read(path, offset, length) {
      const bytes = await readSome(path, offset, length);
      if (bytes.length < length) throw new RangeError(`${path} ends before ${offset + length}`);
      return bytes;
    },
    shared: (path, offset, length) => blocks.read(path, offset, length),
    peek: (path, offset, length) => blocks.peek(path, offset, length),
    forget(path) {
      blocks.forget(path);
      for (const [file, entry] of [...entries]) if (isIn(file, path)) drop(file, entry);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

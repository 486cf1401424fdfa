/**
 * A cache of open files, so that many viewers of the past open each file once.
 * In: paths. Out: bytes. Bounded: closes the least recently read file first.
 */
import type { Files, OpenFile } from '../lib/files/files.ts';

interface Entry {
  readonly file: Promise<OpenFile>;
  reads: number;
  /** No longer in the cache: closed when the last read ends. */
  dropped: boolean;
  readonly closed: PromiseWithResolvers<void>;
}

/** The open files, by a name. */
export class OpenFiles implements AsyncDisposable {
  readonly #files: Files;
  readonly #maxOpen: number;
  readonly #pathOf: (name: string) => string;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  readonly #closing = new Set<Promise<void>>();
  #isClosed = false;

  /** @param options.maxOpen files kept open; more only while more are read at once */
  constructor(
    pathOf: (name: string) => string,
    { maxOpen, files }: { readonly maxOpen: number; readonly files: Files },
  ) {
    this.#pathOf = pathOf;
    this.#maxOpen = maxOpen;
    this.#files = files;
  }

  /** Files open now. */
  get size(): number {
    return this.#entries.size + this.#closing.size;
  }

  /**
   * Reads `length` bytes into a new array or into `into`, or fewer at the end of the file.
   *
   * Rejects with the system's error, and with RangeError after it was closed.
   */
  async read(
    name: string,
    {
      offset,
      length,
      into,
    }: { readonly offset: number; readonly length: number; readonly into?: Uint8Array | undefined },
  ): Promise<Uint8Array> {
    if (this.#isClosed) throw new RangeError('the store is closed');
    const entry = this.#take(name);
    try {
      return await readAt(await entry.file, offset, length, into);
    } catch (error) {
      this.#drop(name, entry);
      throw error;
    } finally {
      entry.reads--;
      this.#closeWhenIdle(entry);
    }
  }

  /**
   * Closes all files whose name starts with `prefix` when their reads are done; later reads open them again.
   */
  release(prefix: string): void {
    for (const [name, entry] of [...this.#entries]) if (name.startsWith(prefix)) this.#drop(name, entry);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.release('');
    await Promise.all(this.#closing);
  }

  #take(name: string): Entry {
    const entry = this.#entries.get(name) ?? {
      file: this.#files.open(this.#pathOf(name), 'r'),
      reads: 0,
      dropped: false,
      closed: Promise.withResolvers<void>(),
    };
    entry.reads++;
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    for (const [oldest, old] of this.#entries) {
      if (this.#entries.size <= this.#maxOpen) break;
      if (old !== entry) this.#drop(oldest, old);
    }
    return entry;
  }

  #drop(name: string, entry: Entry): void {
    if (this.#entries.get(name) === entry) this.#entries.delete(name);
    if (entry.dropped) return;
    entry.dropped = true;
    this.#closing.add(entry.closed.promise);
    this.#closeWhenIdle(entry);
  }

  #closeWhenIdle(entry: Entry): void {
    if (!entry.dropped || entry.reads > 0) return;
    entry.file
      .then((file) => file.close())
      // It never opened, or cannot be closed: its readers got the error, and nothing was written.
      .catch(() => {})
      .finally(() => {
        this.#closing.delete(entry.closed.promise);
        entry.closed.resolve();
      });
  }
}

/**
 * Reads a range of an open file, bytes.
 *
 * @param into memory for them, used if it is large enough
 * @returns fewer bytes where the file ends
 */
export async function readAt(
  file: Pick<OpenFile, 'read'>,
  offset: number,
  length: number,
  into?: Uint8Array,
): Promise<Uint8Array> {
  const bytes = into && into.length >= length ? into.subarray(0, length) : new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

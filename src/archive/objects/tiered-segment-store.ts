/**
 * A SegmentStore in two tiers: files in a folder, and objects in buckets where files were copied or moved to.
 * Everything is written to the folder, so that recording never waits for a network; reads
 * try the folder first.
 * In: the store of the folder, the index of objects. Out: a SegmentStore that has both. docs/decisions/0050.
 */
import {
  type Abortable,
  isMissing,
  type ListRange,
  missingObject,
  type SegmentLocation,
  type SegmentPrefix,
  type SegmentStore,
  type SegmentWriter,
  type WriteContent,
} from '../segment-store.ts';
import type { RewrittenFiles } from './logged/rewritten-files.ts';
import type { ObjectReader } from './object-reader.ts';
import type { StoredObject, StoredObjects } from './stored-objects.ts';

/** A store that closes waits this long for reads of a bucket, ms. */
const CLOSE_WITHIN_MS = 1_500;

/** Bytes that a file is restored by. */
const RESTORED_BYTES = 1024 * 1024;

interface TieredStoreOptions {
  /** Closed with this store. */
  readonly local: SegmentStore;
  readonly objects: StoredObjects;
  /** Closed with this store. */
  readonly reader: ObjectReader;
  /** Gets what `put` writes. */
  readonly rewritten?: RewrittenFiles;
}

/** A store of files and objects. */
export class TieredSegmentStore implements SegmentStore {
  /** The files. */
  readonly local: SegmentStore;
  readonly #objects: StoredObjects;
  readonly #reader: ObjectReader;
  /** The last change of each location that is changing: one at a time. */
  readonly #changes = new Map<string, Promise<unknown>>();
  readonly #reads = new Set<Promise<unknown>>();
  readonly #rewritten: RewrittenFiles | undefined;
  #isClosed = false;

  constructor({ local, objects, reader, rewritten }: TieredStoreOptions) {
    this.local = local;
    this.#objects = objects;
    this.#reader = reader;
    this.#rewritten = rewritten;
  }

  async read(
    location: SegmentLocation,
    range: { readonly offset: number; readonly length: number },
    options: Abortable = {},
  ): Promise<Uint8Array> {
    if (this.#isClosed) throw new RangeError('the store is closed');
    const work = this.#read(location, range, options);
    this.#reads.add(work);
    try {
      return await work;
    } finally {
      this.#reads.delete(work);
    }
  }

  async #read(
    location: SegmentLocation,
    range: { readonly offset: number; readonly length: number },
    options: Abortable,
  ): Promise<Uint8Array> {
    try {
      const bytes = await this.local.read(location, range, options);
      if (bytes.length === range.length) return bytes;
      // It ends here, or has lost its end.
      const object = await this.#objects.find(location);
      const isCut = object !== undefined && object.size > range.offset + bytes.length;
      return isCut ? await this.#reader.read(object, range, options) : bytes;
    } catch (error) {
      // Not only if it is missing: the disk may be broken.
      const object = await this.#objectInstead(location, error, options);
      return this.#reader.read(object, range, options);
    }
  }

  async size(location: SegmentLocation, options: Abortable = {}): Promise<number> {
    try {
      return await this.local.size(location, options);
    } catch (error) {
      return (await this.#objectInstead(location, error, options)).size;
    }
  }

  async *list(prefix: SegmentPrefix, range: ListRange = {}): AsyncGenerator<SegmentLocation> {
    range.signal?.throwIfAborted();
    const files = this.local.list(prefix, range)[Symbol.asyncIterator]();
    const objects = this.#objects.list(prefix, range)[Symbol.asyncIterator]();
    let [file, object] = await Promise.all([files.next(), objects.next()]);
    while (!file.done || !object.done) {
      range.signal?.throwIfAborted();
      const isFile = !file.done && (object.done || file.value <= object.value);
      const isBoth = isFile && !object.done && file.value === object.value;
      yield isFile ? file.value : object.value;
      if (!isFile || isBoth) object = await objects.next();
      if (isFile) file = await files.next();
    }
  }

  async folders(prefix: SegmentPrefix, options: Abortable = {}): Promise<string[]> {
    const [files, objects] = await Promise.all([this.local.folders(prefix, options), this.#objects.folders(prefix)]);
    return objects.length === 0 ? files : [...new Set([...files, ...objects])].sort();
  }

  put(location: SegmentLocation, content: Uint8Array | WriteContent, options: Abortable = {}): Promise<void> {
    this.#rewritten?.add(location);
    return this.#change(location, async () => {
      await this.local.put(location, content, options);
      // Its object has the bytes of before. Until here readers see those.
      await this.#remove(location);
    });
  }

  async create(
    location: SegmentLocation,
    head: readonly Uint8Array[],
    options: Abortable & { readonly sync: boolean },
  ): Promise<SegmentWriter> {
    return this.local.create(location, head, options);
  }

  reopen(location: SegmentLocation, options: Abortable = {}): Promise<SegmentWriter> {
    return this.local.reopen(location, options);
  }

  async delete(prefix: SegmentPrefix, options: Abortable = {}): Promise<void> {
    options.signal?.throwIfAborted();
    await this.#remove(prefix);
    await this.local.delete(prefix, options);
    // Again: an upload may have begun, or ended, in between. None begins of a file that is not there.
    await this.#remove(prefix);
  }

  sweep(prefix: SegmentPrefix, options: Abortable = {}): Promise<void> {
    return this.local.sweep(prefix, options);
  }

  release(prefix: SegmentPrefix): void {
    this.local.release(prefix);
  }

  /**
   * The object of a location as a store that has nothing else: a second copy can be checked by it. Undefined:
   * there is none.
   */
  async copyOf(location: SegmentLocation): Promise<Pick<SegmentStore, 'read' | 'size'> | undefined> {
    const object = await this.#objects.find(location);
    return (
      object && {
        read: (_, range, options) => this.#reader.read(object, range, options),
        size: async () => object.size,
      }
    );
  }

  /**
   * Writes the file of a location again, from its object.
   * @throws OxbowError `gone` without an object, `storage-failed`
   */
  restoreFile(location: SegmentLocation, { signal }: Abortable = {}): Promise<void> {
    return this.#change(location, async () => {
      const object = await this.#objects.find(location);
      if (!object) throw missingObject();
      const content: WriteContent = async (write) => {
        for (let offset = 0; offset < object.size; offset += RESTORED_BYTES) {
          await write(await this.#reader.read(object, { offset, length: RESTORED_BYTES }, { signal }));
        }
      };
      await this.local.put(location, content, { signal });
    });
  }

  /** Deletes the file of an object that is in a bucket. @param release closes all readers of the file */
  dropFile(location: SegmentLocation, release: (location: SegmentLocation) => void): Promise<void> {
    return this.#change(location, async () => {
      const object = await this.#objects.find(location);
      // Another process may own the folder, and its index, by now.
      if (!object || object.local === 0 || !(await this.#objects.isHeld())) return;
      await this.local.delete(location);
      release(location);
      await this.#objects.movedAway(location);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const timer = setTimeout(() => this.#reader[Symbol.dispose](), CLOSE_WITHIN_MS);
    await Promise.allSettled(this.#reads);
    clearTimeout(timer);
    this.#reader[Symbol.dispose]();
    await this.local[Symbol.asyncDispose]();
  }

  async #remove(prefix: SegmentPrefix): Promise<void> {
    await this.#reader.forget(await this.#objects.remove(prefix));
  }

  /** The object of a location whose file cannot be read. Throws that error if there is none. */
  async #objectInstead(location: SegmentLocation, error: unknown, { signal }: Abortable): Promise<StoredObject> {
    signal?.throwIfAborted();
    const isOfFile = isMissing(error) || (error as NodeJS.ErrnoException).syscall !== undefined;
    if (!isOfFile) throw error;
    const object = await this.#objects.find(location);
    if (!object) throw error;
    return object;
  }

  async #change<T>(location: string, work: () => Promise<T>): Promise<T> {
    const before = this.#changes.get(location);
    const next = (before ?? Promise.resolve()).then(work, work);
    this.#changes.set(location, next);
    try {
      return await next;
    } finally {
      if (this.#changes.get(location) === next) this.#changes.delete(location);
    }
  }
}

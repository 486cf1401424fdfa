/**
 * A SegmentStore in memory, for tests: the same guarantees as files, and simulated crashes that keep only
 * what is guaranteed.
 * In: nothing. Out: a SegmentStore.
 */
import { concatBytes } from '@oxbow/media/bytes';
import {
  type Abortable,
  type ListRange,
  missingObject,
  type SegmentLocation,
  type SegmentPrefix,
  type SegmentStore,
  type SegmentWriter,
  type WriteContent,
} from './segment-store.ts';

interface StoredObject {
  /** Replaced by each write, so that earlier reads keep their bytes. */
  bytes: Uint8Array;
  /** Content that survives a crash; undefined: not even the name does. */
  synced: Uint8Array | undefined;
  isOpen: boolean;
}

export class MemorySegmentStore implements SegmentStore {
  readonly #objects = new Map<string, StoredObject>();
  #isClosed = false;

  /** Simulates the worst crash of the system: only synced content remains. */
  crash(): MemorySegmentStore {
    const left = new MemorySegmentStore();
    for (const [location, { synced }] of this.#objects) {
      if (synced) left.#objects.set(location, { bytes: synced, synced, isOpen: false });
    }
    return left;
  }

  async read(
    location: SegmentLocation,
    { offset, length }: { readonly offset: number; readonly length: number },
    { signal }: Abortable = {},
  ): Promise<Uint8Array> {
    if (this.#isClosed) throw new RangeError('the store is closed');
    signal?.throwIfAborted();
    return this.#find(location).bytes.slice(offset, offset + length);
  }

  async size(location: SegmentLocation, { signal }: Abortable = {}): Promise<number> {
    signal?.throwIfAborted();
    return this.#find(location).bytes.length;
  }

  async *list(prefix: SegmentPrefix, { from = '', to, signal }: ListRange = {}): AsyncGenerator<SegmentLocation> {
    for (const location of [...this.#objects.keys()].sort()) {
      signal?.throwIfAborted();
      if (location.startsWith(prefix) && location >= from && (to === undefined || location < to)) {
        yield location as SegmentLocation;
      }
    }
  }

  async folders(prefix: SegmentPrefix, { signal }: Abortable = {}): Promise<string[]> {
    const names = new Set<string>();
    for await (const location of this.list(prefix, { signal })) {
      const [name, ...further] = location.slice(prefix.length).split('/');
      if (further.length > 0) names.add(name!);
    }
    return [...names];
  }

  async put(location: SegmentLocation, content: Uint8Array | WriteContent, { signal }: Abortable = {}): Promise<void> {
    signal?.throwIfAborted();
    const pieces: Uint8Array[] = [];
    if (content instanceof Uint8Array) pieces.push(content);
    else await content(async (bytes) => void pieces.push(bytes.slice()));
    signal?.throwIfAborted();
    const bytes = concatBytes(pieces);
    this.#objects.set(location, { bytes, synced: bytes, isOpen: false });
  }

  async create(
    location: SegmentLocation,
    head: readonly Uint8Array[],
    { sync, signal }: Abortable & { readonly sync: boolean },
  ): Promise<SegmentWriter> {
    signal?.throwIfAborted();
    if (this.#objects.has(location)) throw new Error(`EEXIST: ${location} exists`);
    const object: StoredObject = {
      bytes: concatBytes([...head]),
      synced: sync ? new Uint8Array() : undefined,
      isOpen: true,
    };
    this.#objects.set(location, object);
    return new MemoryWriter(location, object);
  }

  async reopen(location: SegmentLocation, { signal }: Abortable = {}): Promise<SegmentWriter> {
    signal?.throwIfAborted();
    const object = this.#find(location);
    if (object.isOpen) throw new Error(`${location} has a writer`);
    object.isOpen = true;
    return new MemoryWriter(location, object);
  }

  async delete(prefix: SegmentPrefix, { signal }: Abortable = {}): Promise<void> {
    signal?.throwIfAborted();
    for (const location of this.#objects.keys()) if (location.startsWith(prefix)) this.#objects.delete(location);
  }

  /** A crash leaves nothing of an unfinished put. */
  async sweep(_prefix: SegmentPrefix): Promise<void> {}

  /** Nothing is open for reading. */
  release(_prefix: SegmentPrefix): void {}

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
  }

  #find(location: SegmentLocation): StoredObject {
    const object = this.#objects.get(location);
    if (!object) throw missingObject();
    return object;
  }
}

class MemoryWriter implements SegmentWriter {
  readonly location: SegmentLocation;
  readonly #object: StoredObject;
  #isClosed = false;

  constructor(location: SegmentLocation, object: StoredObject) {
    this.location = location;
    this.#object = object;
  }

  get length(): number {
    return this.#object.bytes.length;
  }

  async append(pieces: readonly Uint8Array[]): Promise<void> {
    this.#change(concatBytes([this.#object.bytes, ...pieces]));
  }

  async patch(offset: number, bytes: Uint8Array): Promise<void> {
    const changed = this.#object.bytes.slice();
    changed.set(bytes, offset);
    this.#change(changed);
  }

  async truncate(length: number): Promise<void> {
    this.#change(this.#object.bytes.slice(0, length));
  }

  async sync(): Promise<void> {
    this.#change(this.#object.bytes);
    this.#object.synced = this.#object.bytes;
  }

  finish(): Promise<void> {
    return this.close();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#object.isOpen = false;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #change(bytes: Uint8Array): void {
    if (this.#isClosed) throw new Error(`${this.location} is closed`);
    this.#object.bytes = bytes;
  }
}

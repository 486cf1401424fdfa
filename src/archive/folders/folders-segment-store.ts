/**
 * A SegmentStore over several folders: that of the data, and further ones for the recordings of some streams.
 * A location has no folder in it: a file is looked for in the folder of its stream first, then in the others,
 * so that files may be moved while they are read.
 * In: stores of folders, the folder of each stream. Out: a SegmentStore that has all. docs/decisions/0073.
 */
import { createHash } from 'node:crypto';
import { OxbowError } from '../../lib/errors.ts';
import { recordingOfLocation } from '../recording-locations.ts';
import {
  type Abortable,
  isMissing,
  type ListRange,
  missingObject,
  type ReadOptions,
  type SegmentLocation,
  type SegmentPrefix,
  type SegmentStore,
  type SegmentWriter,
  type WriteContent,
} from '../segment-store.ts';
import { folderMissing, type RecordingFolder } from './recording-folder.ts';

/** Bytes that a move copies at a time. */
const PIECE_BYTES = 1024 * 1024;

export interface FoldersStoreOptions {
  /** The data folder. Closed with this store, as those of the folders. */
  readonly main: SegmentStore;
  readonly folders: readonly RecordingFolder[];
  /** The name of the folder of a stream's new recordings, by its id; undefined: the data folder. */
  readonly folderOf: (streamId: string) => string | undefined;
}

/** A store of files in several folders. */
export class FoldersSegmentStore implements SegmentStore {
  readonly parts: readonly RecordingFolder[];
  readonly #main: SegmentStore;
  readonly #folderOf: (streamId: string) => string | undefined;
  /** The last change of each location that is changing: one at a time. */
  readonly #changes = new Map<string, Promise<unknown>>();

  constructor({ main, folders, folderOf }: FoldersStoreOptions) {
    this.#main = main;
    this.parts = folders;
    this.#folderOf = folderOf;
  }

  read(
    location: SegmentLocation,
    range: { readonly offset: number; readonly length: number },
    options?: ReadOptions,
  ): Promise<Uint8Array> {
    return this.#find(location, (store) => store.read(location, range, options));
  }

  size(location: SegmentLocation, options?: Abortable): Promise<number> {
    return this.#find(location, (store) => store.size(location, options));
  }

  async *list(prefix: SegmentPrefix, range: ListRange = {}): AsyncGenerator<SegmentLocation> {
    range.signal?.throwIfAborted();
    const lists = this.#stores().map((store) => store.list(prefix, range)[Symbol.asyncIterator]());
    const heads = await Promise.all(lists.map((list) => list.next()));
    for (;;) {
      const values = heads.flatMap(({ done, value }) => (done ? [] : [value as SegmentLocation]));
      if (values.length === 0) return;
      const first = values.reduce((least, candidate) => (candidate < least ? candidate : least));
      yield first;
      for (const [i, head] of heads.entries()) {
        // A file that is being moved is in two of them.
        if (!head.done && head.value === first) heads[i] = await lists[i]!.next();
      }
    }
  }

  async folders(prefix: SegmentPrefix, options?: Abortable): Promise<string[]> {
    const lists = await Promise.all(this.#stores().map((store) => store.folders(prefix, options)));
    return [...new Set(lists.flat())].sort();
  }

  async put(location: SegmentLocation, content: Uint8Array | WriteContent, options?: Abortable): Promise<void> {
    await this.#change(location, async () => {
      const store = await this.#writable(location);
      await store.put(location, content, options);
      for (const other of this.#stores()) if (other !== store) await other.delete(location);
    });
  }

  async create(
    location: SegmentLocation,
    head: readonly Uint8Array[],
    options: Abortable & { readonly sync: boolean },
  ): Promise<SegmentWriter> {
    return (await this.#writable(location)).create(location, head, options);
  }

  reopen(location: SegmentLocation, options?: Abortable): Promise<SegmentWriter> {
    return this.#find(location, (store) => store.reopen(location, options));
  }

  async delete(prefix: SegmentPrefix, options?: Abortable): Promise<void> {
    await this.#change(prefix, async () => {
      let isFound = false;
      for (const store of this.#stores()) {
        isFound ||= !prefix.endsWith('/') && (await hasFile(store, prefix as SegmentLocation));
        await store.delete(prefix, options);
      }
      // What is there may be in the folder that is missing: it is to be deleted later.
      if (!isFound) await this.assertComplete();
    });
  }

  async sweep(prefix: SegmentPrefix, options?: Abortable): Promise<void> {
    for (const store of this.#stores()) await store.sweep(prefix, options);
  }

  release(prefix: SegmentPrefix): void {
    this.#main.release(prefix);
    for (const { store } of this.parts) store.release(prefix);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      [this.#main, ...this.parts.map(({ store }) => store)].map((store) => store[Symbol.asyncDispose]()),
    );
  }

  /** Throws if a folder is missing. @throws OxbowError `not-ready` */
  async assertComplete(): Promise<void> {
    await Promise.all(this.parts.map((folder) => folder.look()));
    const missing = this.parts.filter(({ problem }) => problem !== undefined);
    if (missing.length > 0) throw folderMissing(missing);
  }

  /**
   * Files of a recording that are in another folder than that of its stream, in order.
   * @param streamId of the stream
   */
  async *strays(streamId: string, prefix: SegmentPrefix, options: Abortable): AsyncGenerator<SegmentLocation> {
    const name = this.#folderOf(streamId);
    const folder = this.#named(name);
    if (name !== undefined && folder?.problem !== undefined) return;
    const target = folder?.store ?? this.#main;
    for (const store of this.#stores()) if (store !== target) yield* store.list(prefix, options);
  }

  /**
   * Moves a file that nothing writes to into the folder of its stream: copies it, reads the copy back,
   * deletes the old file. Readers see it throughout.
   *
   * @param moved called with the bytes of each piece that was copied; may wait
   * @returns bytes; 0 if it is there already, or nowhere
   * @throws OxbowError `disk-failed` if the copy differs; errors of the stores. The old file is then kept
   */
  async move(
    location: SegmentLocation,
    { signal, moved }: { readonly signal: AbortSignal; readonly moved: (bytes: number) => Promise<void> },
  ): Promise<number> {
    return this.#change(location, async () => {
      const target = await this.#writable(location);
      let bytes = 0;
      for (const source of this.#stores()) {
        if (source === target || !(await hasFile(source, location))) continue;
        const length = await source.size(location, { signal });
        const sum = createHash('sha256');
        await target.put(
          location,
          async (write) => {
            for await (const piece of piecesOf(source, location, length, signal)) {
              sum.update(piece);
              await write(piece);
              await moved(piece.length);
            }
          },
          { signal },
        );
        const copy = createHash('sha256');
        for await (const piece of piecesOf(target, location, length, signal)) copy.update(piece);
        if ((await target.size(location)) !== length || copy.digest('hex') !== sum.digest('hex')) {
          await target.delete(location);
          throw new OxbowError('disk-failed', `${location}: the copy differs.`);
        }
        source.release(location);
        await source.delete(location);
        bytes += length;
      }
      return bytes;
    });
  }

  #named(name: string | undefined): RecordingFolder | undefined {
    return name === undefined ? undefined : this.parts.find((folder) => folder.name === name);
  }

  /** The folder of new files at a location; undefined: the data folder. */
  #ownFolder(location: SegmentPrefix): RecordingFolder | undefined {
    const streamId = recordingOfLocation(location);
    return streamId === undefined ? undefined : this.#named(this.#folderOf(streamId));
  }

  async #writable(location: SegmentLocation): Promise<SegmentStore> {
    const folder = this.#ownFolder(location);
    await folder?.assertWritable();
    return folder?.store ?? this.#main;
  }

  #stores(): SegmentStore[] {
    return [this.#main, ...this.parts.flatMap(({ problem, store }) => (problem === undefined ? [store] : []))];
  }

  /** Does something in the first store that has the file. */
  async #find<T>(location: SegmentLocation, work: (store: SegmentStore) => Promise<T>): Promise<T> {
    // Twice: a file may be moved in between, into a folder that was looked at before.
    for (let round = 0; round < 2; round++) {
      const folder = this.#ownFolder(location);
      const stores = this.#stores();
      const first = folder && folder.problem === undefined ? folder.store : this.#main;
      for (const store of [first, ...stores.filter((other) => other !== first)]) {
        try {
          return await work(store);
        } catch (error) {
          if (!isMissing(error)) throw error;
        }
      }
      if (recordingOfLocation(location) === undefined) break;
    }
    await this.assertComplete();
    throw missingObject();
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

async function hasFile(store: SegmentStore, location: SegmentLocation): Promise<boolean> {
  try {
    await store.size(location);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function* piecesOf(
  store: SegmentStore,
  location: SegmentLocation,
  length: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < length; offset += PIECE_BYTES) {
    yield await store.read(location, { offset, length: Math.min(PIECE_BYTES, length - offset) }, { signal });
  }
}

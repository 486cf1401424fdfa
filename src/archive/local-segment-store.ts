/**
 * A SegmentStore in a folder: a location is a relative path.
 * In: a folder. Out: a SegmentStore. Reads share a few open files; syncs of a device wait in one queue.
 */
import type { Dirent } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Files, type OpenFile, systemFiles } from '../lib/files/files.ts';
import { syncFolders } from '../lib/files/folder.ts';
import { replaceFile, UNFINISHED, type WriteContent } from '../lib/files/replace-file.ts';
import { writeAll } from '../lib/files/write-all.ts';
import { OpenFiles } from './open-files.ts';
import {
  type Abortable,
  type ListRange,
  missingObject,
  type ReadOptions,
  type SegmentLocation,
  type SegmentPrefix,
  type SegmentStore,
  type SegmentWriter,
} from './segment-store.ts';
import { createSyncQueue, type SyncQueue } from './sync-queue.ts';

export interface LocalStoreOptions {
  /** Absolute path; created with the first object. */
  readonly folder: string;
  /** Queue of the device of `folder`; default: a new one. */
  readonly syncQueue?: SyncQueue;
  /** Most files kept open for reading; default 64. */
  readonly maxOpen?: number;
  /** The file layer; default: that of the system. */
  readonly files?: Files;
}

/** Most attempts to open a file in a new folder: the folder may be removed with its last file in between. */
const TRIES = 10;

/** Opens a store of files. */
export function openLocalSegmentStore(options: LocalStoreOptions): LocalSegmentStore {
  return new LocalSegmentStore(options);
}

/** A store of files. */
export class LocalSegmentStore implements SegmentStore {
  readonly #folder: string;
  readonly #syncQueue: SyncQueue;
  readonly #files: Files;
  readonly #openFiles: OpenFiles;
  /** Locations that `put` is writing. */
  readonly #puts = new Set<string>();

  constructor({ folder, syncQueue = createSyncQueue(), maxOpen = 64, files = systemFiles }: LocalStoreOptions) {
    this.#folder = folder;
    this.#syncQueue = syncQueue;
    this.#files = files;
    this.#openFiles = new OpenFiles((name) => join(folder, name), { maxOpen, files });
  }

  /** Files open for reading now. */
  get openFiles(): number {
    return this.#openFiles.size;
  }

  async read(
    location: SegmentLocation,
    { offset, length }: { readonly offset: number; readonly length: number },
    { signal, into }: ReadOptions = {},
  ): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const bytes = await this.#openFiles.read(location, { offset, length, into }).catch(throwMissing);
    signal?.throwIfAborted();
    return bytes;
  }

  async size(location: SegmentLocation, { signal }: Abortable = {}): Promise<number> {
    signal?.throwIfAborted();
    return (await this.#files.stat(this.#pathOf(location)).catch(throwMissing)).size;
  }

  async *list(prefix: SegmentPrefix, range: ListRange = {}): AsyncGenerator<SegmentLocation> {
    for await (const name of this.#walk(prefix.slice(0, prefix.lastIndexOf('/') + 1), prefix, range)) {
      if (!name.endsWith(UNFINISHED)) yield name as SegmentLocation;
    }
  }

  async folders(prefix: SegmentPrefix, { signal }: Abortable = {}): Promise<string[]> {
    signal?.throwIfAborted();
    const names = await this.#namesIn(prefix);
    return names.flatMap((name) => (name.endsWith('/') ? [name.slice(0, -1)] : []));
  }

  async put(location: SegmentLocation, content: Uint8Array | WriteContent, { signal }: Abortable = {}): Promise<void> {
    signal?.throwIfAborted();
    const path = this.#pathOf(location);
    this.#puts.add(location);
    try {
      await replaceFile(this.#files, path, content, {
        open: (unfinished) => openInFolder(this.#files, unfinished, 'w'),
        ready: () => {
          signal?.throwIfAborted();
          this.release(location);
        },
      });
    } finally {
      // Again: a read may have opened the old file in between.
      this.release(location);
      this.#puts.delete(location);
    }
  }

  async create(
    location: SegmentLocation,
    head: readonly Uint8Array[],
    { sync, signal }: Abortable & { readonly sync: boolean },
  ): Promise<SegmentWriter> {
    signal?.throwIfAborted();
    const path = this.#pathOf(location);
    const { file, firstMade } = await openInFolder(this.#files, path, 'wx+');
    try {
      const writer = new LocalWriter(location, file, 0, this.#syncQueue);
      await writer.append(head);
      if (sync) await syncFolders(this.#files, dirname(path), firstMade);
      return writer;
    } catch (error) {
      await file.close().catch(() => {});
      // An object without its head is useless, and on a full disk every retry would leave one.
      await this.#files.rm(path, { force: true }).catch(() => {});
      throw error;
    }
  }

  async reopen(location: SegmentLocation, { signal }: Abortable = {}): Promise<SegmentWriter> {
    signal?.throwIfAborted();
    const file = await this.#files.open(this.#pathOf(location), 'r+').catch(throwMissing);
    try {
      const { size } = await file.stat();
      return new LocalWriter(location, file, size, this.#syncQueue);
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
  }

  async delete(prefix: SegmentPrefix, { signal }: Abortable = {}): Promise<void> {
    signal?.throwIfAborted();
    const path = this.#pathOf(prefix);
    this.release(prefix);
    await this.#files.rm(path, { force: true, recursive: prefix.endsWith('/') });
    // Again: a read may have opened it in between.
    this.release(prefix);
    await this.#removeEmptyFolders(prefix);
  }

  async sweep(prefix: SegmentPrefix, { signal }: Abortable = {}): Promise<void> {
    for await (const name of this.#walk(prefix, prefix, { signal })) {
      const unfinished = name.endsWith(UNFINISHED) && !this.#puts.has(name.slice(0, -UNFINISHED.length));
      if (unfinished) await this.#files.rm(join(this.#folder, name), { force: true });
    }
  }

  release(prefix: SegmentPrefix): void {
    this.#openFiles.release(prefix);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#openFiles[Symbol.asyncDispose]();
  }

  #pathOf(prefix: SegmentPrefix): string {
    return join(this.#folder, prefix);
  }

  /** @param folder empty, or with `/` at its end */
  async *#walk(folder: string, prefix: string, range: ListRange): AsyncGenerator<string> {
    const { from = '', to, signal } = range;
    signal?.throwIfAborted();
    for (const name of await this.#namesIn(folder)) {
      const key = `${folder}${name}`;
      if (to !== undefined && key >= to) return;
      if (name.endsWith('/')) {
        if (key < from && !from.startsWith(key)) continue;
        if (key.startsWith(prefix) || prefix.startsWith(key)) yield* this.#walk(key, prefix, range);
      } else if (key >= from && key.startsWith(prefix)) {
        yield key;
      }
    }
  }

  /**
   * Names in a folder in the order of locations, folders with a trailing `/`; empty if the folder is missing.
   */
  async #namesIn(folder: string): Promise<string[]> {
    const path = join(this.#folder, folder);
    const entries = await this.#files.readdir(path).catch((error: unknown): Dirent[] => {
      if (isAbsent(error)) return [];
      throw error;
    });
    const names = entries.map(async (entry) => {
      // An operator may have moved old hours to another disk and left links.
      const target = entry.isSymbolicLink()
        ? await this.#files.stat(join(path, entry.name)).catch(() => undefined)
        : undefined;
      const isFolder = entry.isDirectory() || target?.isDirectory();
      return isFolder ? `${entry.name}/` : entry.name;
    });
    return (await Promise.all(names)).sort();
  }

  /** Removes folders that are empty after a deletion, except those directly below the store's own. */
  async #removeEmptyFolders(prefix: string): Promise<void> {
    const parts = prefix.split('/').filter((part) => part !== '');
    while (parts.length > 2) {
      parts.pop();
      // Usually fails with ENOTEMPTY.
      const removed = await this.#files.rmdir(join(this.#folder, ...parts)).then(
        () => true,
        () => false,
      );
      if (!removed) return;
    }
  }
}

class LocalWriter implements SegmentWriter {
  readonly location: SegmentLocation;
  readonly #file: OpenFile;
  readonly #syncQueue: SyncQueue;
  #length: number;
  #closing: Promise<void> | undefined;

  constructor(location: SegmentLocation, file: OpenFile, length: number, syncQueue: SyncQueue) {
    this.location = location;
    this.#file = file;
    this.#length = length;
    this.#syncQueue = syncQueue;
  }

  get length(): number {
    return this.#length;
  }

  async append(pieces: readonly Uint8Array[]): Promise<void> {
    this.#length += await writeAll(this.#file, pieces, this.#length);
  }

  async patch(offset: number, bytes: Uint8Array): Promise<void> {
    await writeAll(this.#file, [bytes], offset);
  }

  async truncate(length: number): Promise<void> {
    await this.#file.truncate(length);
    this.#length = length;
  }

  sync(): Promise<void> {
    return this.#syncQueue.sync(this.#file);
  }

  finish(): Promise<void> {
    return this.close();
  }

  close(): Promise<void> {
    this.#closing ??= this.#file.close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Writes a whole file outside of a store, e.g. where a user wants it: under another name until it is
 * complete.
 *
 * Rejects with the system's error, and with what `content` rejects with; nothing is left behind then.
 */
export async function putFile(
  path: string,
  content: WriteContent,
  { signal, files = systemFiles }: Abortable & { readonly files?: Files },
): Promise<void> {
  await replaceFile(files, path, content, { ready: () => signal?.throwIfAborted() });
}

/** Opens a file, and makes the folders above it where they are missing. `firstMade`: the first of them. */
async function openInFolder(files: Files, path: string, flags: 'w' | 'wx+') {
  for (let tries = 1; ; tries++) {
    const firstMade = await files.mkdir(dirname(path), { recursive: true });
    try {
      return { file: await files.open(path, flags, flags === 'w' ? 0o666 : 0o644), firstMade };
    } catch (error) {
      if (tries === TRIES || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function throwMissing(error: unknown): never {
  throw isAbsent(error) ? missingObject(error) : error;
}

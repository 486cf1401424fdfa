/**
 * A SegmentStore in a folder: a location is a relative path.
 * In: a folder. Out: a SegmentStore. Reads share a few open files; syncs of a device wait in one queue.
 */
import type { Dirent } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncNames } from '../lib/folder.ts';
import { writeAll } from '../lib/write-all.ts';
import { OpenFiles } from './open-files.ts';
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
import { createSyncQueue, type SyncQueue } from './sync-queue.ts';

/** Options of a local store. */
export interface LocalStoreOptions {
  /** Absolute path; created with the first object. */
  readonly folder: string;
  /** Queue of the device of `folder`; default: a new one. */
  readonly syncQueue?: SyncQueue;
  /** Most files kept open for reading; default 64. */
  readonly maxOpen?: number;
}

/** Suffix of files that `put` has not completed. */
const UNFINISHED = '.part';
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
  readonly #files: OpenFiles;
  /** Locations that `put` is writing. */
  readonly #puts = new Set<string>();

  constructor({ folder, syncQueue = createSyncQueue(), maxOpen = 64 }: LocalStoreOptions) {
    this.#folder = folder;
    this.#syncQueue = syncQueue;
    this.#files = new OpenFiles((name) => join(folder, name), maxOpen);
  }

  /** Files open for reading now. */
  get openFiles(): number {
    return this.#files.size;
  }

  async read(
    location: SegmentLocation,
    { offset, length }: { readonly offset: number; readonly length: number },
    { signal }: Abortable = {},
  ): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const bytes = await this.#files.read(location, offset, length).catch(throwMissing);
    signal?.throwIfAborted();
    return bytes;
  }

  async size(location: SegmentLocation, { signal }: Abortable = {}): Promise<number> {
    signal?.throwIfAborted();
    return (await stat(this.#pathOf(location)).catch(throwMissing)).size;
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
      const { file, firstMade } = await openInFolder(`${path}${UNFINISHED}`, 'w');
      await writeInto(file, path, content, { signal, ready: () => this.release(location) });
      // Again: a read may have opened the old file in between.
      this.release(location);
      await syncFolders(dirname(path), firstMade);
    } finally {
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
    const { file, firstMade } = await openInFolder(path, 'wx+');
    try {
      const writer = new LocalWriter(location, file, 0, this.#syncQueue);
      await writer.append(head);
      if (sync) await syncFolders(dirname(path), firstMade);
      return writer;
    } catch (error) {
      await file.close().catch(() => {});
      // An object without its head is useless, and on a full disk every retry would leave one.
      await rm(path, { force: true }).catch(() => {});
      throw error;
    }
  }

  async reopen(location: SegmentLocation, { signal }: Abortable = {}): Promise<SegmentWriter> {
    signal?.throwIfAborted();
    const file = await open(this.#pathOf(location), 'r+').catch(throwMissing);
    const { size } = await file.stat();
    return new LocalWriter(location, file, size, this.#syncQueue);
  }

  async delete(prefix: SegmentPrefix, { signal }: Abortable = {}): Promise<void> {
    signal?.throwIfAborted();
    const path = this.#pathOf(prefix);
    this.release(prefix);
    await rm(path, { force: true, recursive: prefix.endsWith('/') });
    // Again: a read may have opened it in between.
    this.release(prefix);
    await this.#removeEmptyFolders(prefix);
  }

  async sweep(prefix: SegmentPrefix, { signal }: Abortable = {}): Promise<void> {
    for await (const name of this.#walk(prefix, prefix, { signal })) {
      const unfinished = name.endsWith(UNFINISHED) && !this.#puts.has(name.slice(0, -UNFINISHED.length));
      if (unfinished) await rm(join(this.#folder, name), { force: true });
    }
  }

  release(prefix: SegmentPrefix): void {
    this.#files.release(prefix);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#files[Symbol.asyncDispose]();
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

  /** Names in a folder in the order of locations, folders with a trailing `/`; empty if the folder is missing. */
  async #namesIn(folder: string): Promise<string[]> {
    const path = join(this.#folder, folder);
    const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown): Dirent[] => {
      if (isAbsent(error)) return [];
      throw error;
    });
    const names = entries.map(async (entry) => {
      // An operator may have moved old hours to another disk and left links.
      const target = entry.isSymbolicLink() ? await stat(join(path, entry.name)).catch(() => undefined) : undefined;
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
      const removed = await rmdir(join(this.#folder, ...parts)).then(
        () => true,
        () => false,
      );
      if (!removed) return;
    }
  }
}

class LocalWriter implements SegmentWriter {
  readonly location: SegmentLocation;
  readonly #file: FileHandle;
  readonly #syncQueue: SyncQueue;
  #length: number;
  #closing: Promise<void> | undefined;

  constructor(location: SegmentLocation, file: FileHandle, length: number, syncQueue: SyncQueue) {
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
 * Writes a whole file outside of a store, e.g. where a user wants it: under another name until it is complete.
 *
 * Rejects with the system's error, and with what `content` rejects with; nothing is left behind then.
 */
export async function putFile(path: string, content: WriteContent, options: Abortable): Promise<void> {
  await writeInto(await open(`${path}${UNFINISHED}`, 'w'), path, content, options);
}

/** @param options.ready called before the new file takes the place of the old one */
async function writeInto(
  file: FileHandle,
  path: string,
  content: Uint8Array | WriteContent,
  { signal, ready }: Abortable & { readonly ready?: () => void },
): Promise<void> {
  try {
    try {
      const write = (bytes: Uint8Array) => file.writeFile(bytes);
      await (content instanceof Uint8Array ? write(content) : content(write));
      await file.datasync();
    } finally {
      await file.close();
    }
    signal?.throwIfAborted();
    ready?.();
    await rename(`${path}${UNFINISHED}`, path);
  } catch (error) {
    await rm(`${path}${UNFINISHED}`, { force: true });
    throw error;
  }
}

/** Opens a file, and makes the folders above it where they are missing. `firstMade`: the first of them. */
async function openInFolder(path: string, flags: 'w' | 'wx+') {
  for (let tries = 1; ; tries++) {
    const firstMade = await mkdir(dirname(path), { recursive: true });
    try {
      return { file: await open(path, flags, flags === 'w' ? 0o666 : 0o644), firstMade };
    } catch (error) {
      if (tries === TRIES || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

/** Puts the names of a new file and of the folders made for it on the disk. */
async function syncFolders(folder: string, firstMade: string | undefined): Promise<void> {
  // The parent of the first new folder holds the first new name.
  const last = firstMade === undefined ? folder : dirname(firstMade);
  for (let at = folder; ; at = dirname(at)) {
    await syncNames(at);
    if (at === last || at === dirname(at)) return;
  }
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function throwMissing(error: unknown): never {
  throw isAbsent(error) ? missingObject(error) : error;
}

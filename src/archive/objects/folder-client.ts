/**
 * A folder as a bucket: on another disk of this machine, or on a network mount. Each object is a file with
 * the path of its key.
 * In: a target of the settings. Out: ObjectClient. A file is written under another name in `.parts` of the
 * same folder, synced, renamed and its name synced, so that a key has the whole object or none. The folder
 * must exist: it is never made, because a disk that is not mounted would become a folder on another one.
 */
import { randomBytes } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { waitFor } from '../../lib/abort.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import { DirectWrites } from '../../lib/files/direct.ts';
import { type Files, type OpenFile, systemFiles } from '../../lib/files/files.ts';
import { readAt } from '../open-files.ts';
import {
  type ClientOptions,
  type ListedObject,
  type ListOptions,
  NO_SUMS,
  type ObjectClient,
  ObjectError,
  type ObjectHead,
  type ObjectSource,
  type PartialUpload,
  type PutOptions,
  type PutSums,
  partBytesOf,
  putInParts,
  SEND_MS,
  sendRequest,
} from './object-client.ts';

/** Folder of files that are not complete. */
const PARTS = '.parts';
/** A file that is not complete and has not changed for this long is of no upload any more, ms: a week. */
const ABANDONED_MS = 7 * 86_400_000;
/** Another process may remove an empty folder while a file is put into it. */
const TRIES = 5;
const UPLOAD_ID = /^[0-9a-f]{32}$/;
/**
 * What is no path below the folder: parts that are empty, `.` or `..`, and the files that are not complete.
 */
const NO_KEY = /(?:^|\/)\.{0,2}(?:\/|$)|[\\\0]|^\.parts\//;

/** Opens a client. Only files that a process left long ago are looked for. @param folder absolute path */
export function openFolderClient(folder: string, files: Files = systemFiles): Promise<ObjectClient> {
  return openFolder(folder, files);
}

/** The same, with what a server needs that puts objects in parts for others. */
export async function openFolder(folder: string, files: Files = systemFiles): Promise<FolderClient> {
  await removeAbandoned(files, folder).catch(() => undefined); // the disk may not be there: each request says so
  return new FolderClient(folder, files);
}

/** A folder as a bucket. */
export class FolderClient implements ObjectClient {
  readonly parts: undefined;
  readonly #folder: string;
  readonly #files: Files;
  readonly #direct: DirectWrites;

  constructor(folder: string, files: Files) {
    this.#folder = folder;
    this.#files = files;
    this.#direct = new DirectWrites(files);
  }

  async check({ signal }: ClientOptions = {}): Promise<void> {
    await this.#try('use the folder', signal, async () => {
      await this.#mustExist();
      await this.#makeFolders(join(this.#folder, PARTS));
    });
  }

  async put(key: string, source: ObjectSource, options: PutOptions = {}): Promise<PutSums> {
    const { signal, sent, hasChecksum } = options;
    if (!hasChecksum && source.size > partBytesOf(source.size)) return this.#putParts(key, source, options);
    const bytes = await source.read(0, source.size);
    await this.#try('write a file', signal, () => this.#putWhole(key, bytes));
    sent?.(bytes.length);
    return NO_SUMS;
  }

  async #putWhole(key: string, bytes: Uint8Array): Promise<void> {
    const uploadId = newUploadId();
    const path = this.#partsOf(uploadId);
    try {
      {
        await using file = await this.#create(uploadId);
        await this.#direct.write(path, file, bytes, 0);
        await file.datasync();
      }
      await this.#name(uploadId, key);
    } catch (error) {
      await this.#files.rm(path, { force: true }).catch(() => undefined); // of a full or broken disk
      throw error;
    }
  }

  #putParts(key: string, source: ObjectSource, options: PutOptions): Promise<PutSums> {
    const { signal } = options;
    const partBytes = partBytesOf(source.size);
    return putInParts(
      source,
      {
        hash: 'none',
        isChecked: true,
        isSame: (uploadId, index, bytes) => this.#hasBytes(uploadId, index * partBytes, bytes),
        begin: () => this.begin({ signal }),
        send: async (uploadId, index, bytes, sum) =>
          (await this.write(uploadId, index * partBytes, bytes, { signal })) ? sum : 'lost',
        complete: async (uploadId) =>
          (await this.complete(uploadId, { key, size: source.size }, { signal })) ? 'done' : 'lost',
        abandon: (upload) => this.abandon(key, upload, { signal }),
      },
      options,
    );
  }

  /** Whether a file that is not complete has these bytes. What cannot be read is written again. */
  async #hasBytes(uploadId: string, position: number, bytes: Uint8Array): Promise<boolean> {
    try {
      await using file = await this.#files.open(this.#partsOf(uploadId), 'r');
      return Buffer.compare(await readAt(file, position, bytes.length), bytes) === 0; // it is closed afterwards
    } catch {
      return false; // the write says why
    }
  }

  /** Begins a file of several parts. Returns the id of its upload. */
  begin({ signal }: ClientOptions): Promise<string> {
    return this.#try('begin a file', signal, () => this.#begin());
  }

  /** Writes a part. @returns false: there is no such upload */
  write(uploadId: string, position: number, bytes: Uint8Array, { signal }: ClientOptions): Promise<boolean> {
    return this.#try('write a part', signal, () => this.#write(uploadId, position, bytes));
  }

  /** Gives a file its key. @returns false: there is no such upload, or it has another size */
  complete(
    uploadId: string,
    { key, size }: { readonly key: string; readonly size: number },
    { signal }: ClientOptions,
  ): Promise<boolean> {
    return this.#try('complete a file', signal, async () => {
      const stats = await this.#files.stat(this.#partsOf(uploadId)).catch(ifAbsent);
      if (stats?.size !== size) return false;
      await this.#complete(uploadId, key);
      return true;
    });
  }

  async read(
    key: string,
    { offset, length }: { readonly offset: number; readonly length: number },
    { signal }: ClientOptions = {},
  ): Promise<Uint8Array | undefined> {
    return this.#try('read a file', signal, async () => {
      await using file = await this.#open(key);
      return file && (await readAt(file, offset, length)); // it is closed afterwards
    });
  }

  /**
   * Without an entity tag: a file that is written and synced is not read back, because the system would read
   * it from its memory.
   */
  async head(key: string, { signal }: ClientOptions = {}): Promise<ObjectHead | undefined> {
    return this.#try('look at a file', signal, async () => {
      await using file = await this.#open(key);
      if (!file) return undefined;
      const { size } = await file.stat();
      return { size, etag: '' };
    });
  }

  async delete(key: string, { signal }: ClientOptions = {}): Promise<void> {
    await this.#try('delete a file', signal, async () => {
      await this.#mustExist();
      const path = this.#pathOf(key);
      await this.#files.rm(path, { force: true });
      // Empty folders go too; usually the first one is not empty.
      for (let above = dirname(path); above !== this.#folder; above = dirname(above)) {
        const isRemoved = await this.#files.rmdir(above).then(
          () => true,
          () => false,
        );
        if (!isRemoved) return;
      }
    });
  }

  async abandon(_: string, { uploadId }: PartialUpload, { signal }: ClientOptions = {}): Promise<void> {
    await this.#try('discard a file', signal, async () => {
      await this.#mustExist();
      await this.#files.rm(this.#partsOf(uploadId), { force: true });
    });
  }

  /** @param options.after only keys after this one; folders before it are not read */
  async *list(prefix: string, { signal, after = '' }: ListOptions = {}): AsyncGenerator<ListedObject> {
    const below = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    // Any file in that folder has a path below that of the target.
    this.#pathOf(`${below}file`);
    await this.#try('list the folder', signal, () => this.#mustExist());
    yield* this.#walk(below, { prefix, after }, signal);
  }

  async presign(): Promise<string> {
    throw new ObjectError('a folder has no addresses');
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** @param below empty, or with `/` at its end */
  async *#walk(
    below: string,
    keys: { readonly prefix: string; readonly after: string },
    signal: AbortSignal | undefined,
  ): AsyncGenerator<ListedObject> {
    const { prefix, after } = keys;
    const entries = await this.#try('list the folder', signal, async () => {
      const children = await this.#files.readdir(join(this.#folder, below)).catch(ifAbsent);
      return (children ?? []).filter(({ name }) => below !== '' || name !== PARTS);
    });
    // With their slash folders are in the order of the keys.
    for (const name of entries.map((entry) => `${entry.name}${entry.isDirectory() ? '/' : ''}`).sort()) {
      const key = `${below}${name}`;
      if (name.endsWith('/')) {
        if (key < after && !after.startsWith(key)) continue;
        if (key.startsWith(prefix) || prefix.startsWith(key)) yield* this.#walk(key, keys, signal);
        continue;
      }
      if (!key.startsWith(prefix) || key <= after) continue;
      const stats = await this.#try('list the folder', signal, () =>
        this.#files.stat(join(this.#folder, key)).catch(ifAbsent),
      );
      if (stats) yield { key, size: stats.size };
    }
  }

  /** The file of a key; undefined if there is none in the folder, which is there. */
  async #open(key: string): Promise<OpenFile | undefined> {
    const file = await this.#files.open(this.#pathOf(key), 'r').catch(ifAbsent);
    if (!file) await this.#mustExist();
    return file;
  }

  async #mustExist(): Promise<void> {
    await assertFolder(this.#folder, this.#files);
  }

  async #begin(): Promise<string> {
    const uploadId = newUploadId();
    await (await this.#create(uploadId)).close();
    return uploadId;
  }

  async #create(uploadId: string): Promise<OpenFile> {
    const path = this.#partsOf(uploadId);
    // First: what is mounted here now may have these folders, too.
    await this.#mustExist();
    const file = await this.#files.open(path, 'wx').catch(ifAbsent);
    if (file) return file;
    await this.#makeFolders(join(this.#folder, PARTS));
    return this.#files.open(path, 'wx');
  }

  /** Writes and syncs a part; false: its file is gone. */
  async #write(uploadId: string, position: number, bytes: Uint8Array): Promise<boolean> {
    const path = this.#partsOf(uploadId);
    await using file = await this.#files.open(path, 'r+').catch(ifAbsent);
    if (!file) await this.#mustExist();
    if (!file) return false;
    await this.#direct.write(path, file, bytes, position);
    await file.datasync();
    return true;
  }

  async #complete(uploadId: string, key: string): Promise<void> {
    {
      await using file = await this.#files.open(this.#partsOf(uploadId), 'r+');
      await file.sync();
    }
    await this.#name(uploadId, key);
  }

  /** Gives a file that is synced the path of its key. */
  async #name(uploadId: string, key: string): Promise<void> {
    const from = this.#partsOf(uploadId);
    const path = this.#pathOf(key);
    for (let tries = 1; ; tries++) {
      try {
        await this.#files.rename(from, path);
        break;
      } catch (error) {
        if (tries === TRIES) throw error;
        ifAbsent(error as NodeJS.ErrnoException);
        await this.#makeFolders(dirname(path));
      }
    }
    await this.#files.syncFolder(dirname(path));
  }

  /** Makes folders below that of the target, one by one, each with its name on the disk. */
  async #makeFolders(path: string): Promise<void> {
    if (path === this.#folder) return;
    const isMade = await this.#files.mkdir(path).then(
      () => true,
      async (error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') return false;
        ifAbsent(error);
        await this.#mustExist();
        await this.#makeFolders(dirname(path));
        await this.#files.mkdir(path).catch(ifPresent);
        return true;
      },
    );
    if (isMade) await this.#files.syncFolder(dirname(path));
  }

  #pathOf(key: string): string {
    if (NO_KEY.test(key)) throw new ObjectError('the key is no path below the folder');
    return join(this.#folder, key);
  }

  #partsOf(uploadId: string): string {
    if (!UPLOAD_ID.test(uploadId)) throw new ObjectError('the upload has no id');
    return join(this.#folder, PARTS, uploadId);
  }

  /** Waits for the file system no longer than the signals allow: a network mount may not answer. */
  #try<T>(what: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const send = (ends: AbortSignal) => waitFor(work(), { signal: ends });
    return sendRequest({ what, signal, send, limitMs: SEND_MS, describe: messageOf });
  }
}

/**
 * Checks that a folder is there, and is not the place where a file system is mounted: without it that would
 * be an empty folder.
 *
 * @throws ObjectError
 */
export async function assertFolder(folder: string, files: Files = systemFiles): Promise<void> {
  const stats = await files.stat(folder).catch(ifAbsent);
  if (!stats) throw new ObjectError(`${folder} does not exist: its disk may not be mounted`);
  if (!stats.isDirectory()) throw new ObjectError(`${folder} is not a folder`);
  if (stats.dev !== (await files.stat(dirname(folder))).dev) {
    throw new ObjectError(`${folder} is where a file system is mounted: make a folder in it, and name that`);
  }
}

/**
 * Checks that a folder is not in the data folder, nor the data folder in it. Links are followed as far as
 * there are folders.
 *
 * @throws OxbowError `bad-setting`
 */
export async function assertApart(name: string, folder: string, dataFolder: string): Promise<void> {
  const [target, data] = await Promise.all([folder, dataFolder].map(async (path) => `${await realOf(path)}${sep}`));
  if (!target!.startsWith(data!) && !data!.startsWith(target!)) return;
  const hint = 'A second copy belongs on another disk.';
  throw new OxbowError('bad-setting', `storage.targets.${name}: ${folder} and the data folder are in each other.`, {
    extra: { hint },
  });
}

async function realOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    return dirname(path) === path ? path : join(await realOf(dirname(path)), basename(path));
  }
}

function newUploadId(): string {
  return randomBytes(16).toString('hex');
}

async function removeAbandoned(files: Files, folder: string): Promise<void> {
  const parts = join(folder, PARTS);
  const nowMs = createSystemClock().nowMs();
  for (const { name } of await files.readdir(parts)) {
    const path = join(parts, name);
    const { mtimeMs } = await files.stat(path);
    if (UPLOAD_ID.test(name) && nowMs - mtimeMs > ABANDONED_MS) await files.rm(path, { force: true });
  }
}

function ifAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
}

function ifPresent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'EEXIST') throw error;
}

/**
 * Uploads in a folder: the file has `.part` at the end of its name until it is complete.
 * In: the folder of a local segment store. Out: UploadStore. One open file for each upload, so that
 * concurrent writers share a sync.
 */
import { dirname, join } from 'node:path';
import { type Files, type OpenFile, systemFiles } from '../lib/files/files.ts';
import { syncFolders } from '../lib/files/folder.ts';
import { UNFINISHED } from '../lib/files/replace-file.ts';
import { writeAll } from '../lib/files/write-all.ts';
import { missingObject, type SegmentLocation } from './segment-store.ts';
import { createSyncQueue, type SyncQueue } from './sync-queue.ts';
import { UploadHasher } from './upload-hasher.ts';
import type { UploadDigest, UploadFile, UploadStore } from './upload-store.ts';

/** Options of a local store. */
interface LocalUploadOptions {
  /** Absolute path: that of the segment store which has the finished objects. */
  readonly folder: string;
  /** Queue of the device of `folder`; default: a new one. */
  readonly syncQueue?: SyncQueue;
  /** The file layer; default: that of the system. */
  readonly files?: Files;
  /** Most threads that hash files, 1 to 16; default: 1. */
  readonly hashThreads?: number;
}

interface Shared {
  readonly file: Promise<OpenFile>;
  users: number;
  /**
   * Why a sync failed. What was written and not synced by then may be lost although the next sync succeeds,
   * so no user of the file can write or sync any more; one that opens it again writes it again.
   */
  failure: unknown;
}

export function openLocalUploadStore({
  folder,
  syncQueue = createSyncQueue(),
  files = systemFiles,
  hashThreads = 1,
}: LocalUploadOptions): UploadStore {
  const shared = new Map<string, Shared>();
  const hasher = new UploadHasher(hashThreads);
  const pathOf = (location: SegmentLocation) => `${join(folder, location)}${UNFINISHED}`;

  async function leave(path: string, entry: Shared): Promise<void> {
    entry.users--;
    if (entry.users > 0) return;
    if (shared.get(path) === entry) shared.delete(path);
    await (await entry.file).close();
  }

  return {
    async open(location) {
      const path = pathOf(location);
      let entry = shared.get(path);
      if (!entry) {
        entry = { file: openFile(files, path), users: 0, failure: undefined };
        shared.set(path, entry);
      }
      const upload = entry;
      upload.users++;
      const file = await upload.file.catch((error: unknown) => {
        if (shared.get(path) === upload) shared.delete(path);
        throw error;
      });
      let closing: Promise<void> | undefined;
      return {
        async write(pieces, position) {
          if (upload.failure !== undefined) throw upload.failure;
          await writeAll(file, pieces, position);
        },
        async sync() {
          if (upload.failure !== undefined) throw upload.failure;
          try {
            await syncQueue.sync(file);
          } catch (error) {
            upload.failure = error;
            if (shared.get(path) === upload) shared.delete(path);
            throw error;
          }
          // The sync of another user may have failed meanwhile.
          if (upload.failure !== undefined) throw upload.failure;
        },
        [Symbol.asyncDispose]() {
          closing ??= leave(path, upload);
          return closing;
        },
      } satisfies UploadFile;
    },

    digest: (location): UploadDigest => hasher.open([pathOf(location), join(folder, location)]),

    async finish(location, length) {
      const path = pathOf(location);
      const target = join(folder, location);
      const file = await files.open(path, 'r+').catch(ifAbsent);
      if (file) {
        try {
          if ((await file.stat()).size !== length) await file.truncate(length);
          await file.sync();
        } finally {
          await file.close();
        }
        await files.rename(path, target);
      } else if (!(await files.stat(target).catch(ifAbsent))) {
        throw missingObject();
      }
      await files.syncFolder(dirname(target));
    },

    async discard(location) {
      const path = pathOf(location);
      await files.rm(path, { force: true });
      // Only an empty folder is removed.
      await files.rmdir(dirname(path)).catch(() => undefined);
    },

    async [Symbol.asyncDispose]() {
      await hasher[Symbol.asyncDispose]();
    },
  };
}

/** Opens a file for writing at positions; creates it, with its folder. */
async function openFile(files: Files, path: string): Promise<OpenFile> {
  const present = await files.open(path, 'r+').catch(ifAbsent);
  if (present) return present;
  const firstMade = await files.mkdir(dirname(path), { recursive: true });
  // Another caller may have created it in between.
  const file = await files.open(path, 'wx+', 0o644).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return files.open(path, 'r+');
    throw error;
  });
  try {
    await syncFolders(files, dirname(path), firstMade);
  } catch (error) {
    await file.close().catch(() => {}); // the first error counts
    throw error;
  }
  return file;
}

function ifAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/**
 * The file layer: the server writes everything that it keeps through it, so that tests can fail each
 * operation and rebuild the state after a power failure. The files of SQLite are outside: SQLite writes them
 * itself.
 * In: paths. Out: Files; `systemFiles` is the only implementation outside of tests, faulty-files.fixture and
 * crash-files.fixture wrap it.
 */
import { constants, type Dirent, type Stats } from 'node:fs';
import { copyFile, mkdir, mkdtemp, open, readdir, readFile, rename, rm, rmdir, stat, unlink } from 'node:fs/promises';
import { isWindows } from '../platform.ts';

/** An open file: the used part of FileHandle. Positions and lengths are bytes. */
export interface OpenFile extends AsyncDisposable {
  read(into: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>;
  /** May write less than all pieces: use writeAll. */
  writev(pieces: readonly Uint8Array[], position: number): Promise<{ readonly bytesWritten: number }>;
  datasync(): Promise<void>;
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  stat(): Promise<{ readonly size: number }>;
  close(): Promise<void>;
}

/** Operations on files and folders. Each rejects with the system's error. */
export interface Files {
  /**
   * `r+direct`: to write past the page cache; positions, lengths and memory are at pages, and some file
   * systems refuse it with EINVAL.
   */
  open(path: string, flags: 'r' | 'r+' | 'r+direct' | 'w' | 'wx' | 'wx+', mode?: number): Promise<OpenFile>;
  readFile(path: string): Promise<Buffer>;
  stat(path: string): Promise<Stats>;
  readdir(path: string): Promise<Dirent[]>;
  /** @returns with `recursive` the first folder that was created, if any */
  mkdir(path: string, options?: { readonly recursive?: boolean; readonly mode?: number }): Promise<string | undefined>;
  /** Creates a folder with a new name. @param prefix start of its path */
  mkdtemp(prefix: string): Promise<string>;
  rename(from: string, to: string): Promise<void>;
  /** Copies a file, by reference where the file system can. */
  copyFile(from: string, to: string): Promise<void>;
  /** @param options.force a missing file is no error */
  rm(path: string, options?: { readonly force?: boolean; readonly recursive?: boolean }): Promise<void>;
  /** Of two simultaneous calls one rejects, which `rm` does not do. */
  unlink(path: string): Promise<void>;
  rmdir(path: string): Promise<void>;
  /** Resolves when the names in a folder survive a power failure. No effect on Windows. */
  syncFolder(path: string): Promise<void>;
}

/** Only Linux has `O_DIRECT`; elsewhere it is undefined, and the file is opened as usual. */
const DIRECT = constants.O_RDWR | (constants.O_DIRECT ?? 0);

/** The files of the operating system. */
export const systemFiles: Files = {
  open: (path, flags, mode) => open(path, flags === 'r+direct' ? DIRECT : flags, mode),
  readFile,
  stat,
  mkdir,
  mkdtemp,
  rename,
  rm,
  rmdir,
  unlink,
  copyFile: (from, to) => copyFile(from, to, constants.COPYFILE_FICLONE),
  readdir: (path) => readdir(path, { withFileTypes: true }),
  async syncFolder(path) {
    if (isWindows) return;
    await using folder = await open(path, 'r');
    await folder.sync();
  },
};

/**
 * Writes large pieces past the page cache of the system: what is synced at once and not read again would only
 * push other files out of it, and pages that it needs for them cost more than all else that is done with the
 * bytes.
 * In: bytes in memory that begins at a page (page-memory). Out: the same bytes in the file. Where
 * the system, the file system or the memory does not allow it, they are written as usual.
 */
import { isAtPage, PAGE_BYTES } from '../memory/page-memory.ts';
import { isLinux } from '../platform.ts';
import type { Files, OpenFile } from './files.ts';
import { writeAll } from './write-all.ts';

/** Shorter pieces are written as usual, bytes: each direct write waits for the disk. */
const LEAST_BYTES = 128 * 1024;
/** What systems answer that cannot do it for a file. */
const REFUSALS = new Set(['EINVAL', 'EOPNOTSUPP', 'ENOTSUP']);

/** Writes to files of one file system, and remembers whether it takes direct writes. */
export class DirectWrites {
  readonly #files: Files;
  #isPossible = isLinux;

  constructor(files: Files) {
    this.#files = files;
  }

  /** Whether direct writes have not been refused yet. */
  get isPossible(): boolean {
    return this.#isPossible;
  }

  /**
   * Writes all bytes; a sync is left to the caller.
   *
   * @param path of `file`
   * @param file open for writing
   * @throws the system's error
   */
  async write(path: string, file: OpenFile, bytes: Uint8Array, position: number): Promise<void> {
    const done = await this.#writePages(path, bytes, position);
    await writeAll(file, [bytes.subarray(done)], position + done);
  }

  /** Writes whole pages, if that is possible. @returns bytes that are written */
  async #writePages(path: string, bytes: Uint8Array, position: number): Promise<number> {
    const length = bytes.length - (bytes.length % PAGE_BYTES);
    if (!this.#isPossible || length < LEAST_BYTES || position % PAGE_BYTES !== 0 || !isAtPage(bytes)) return 0;
    let done = 0;
    try {
      await using direct = await this.#files.open(path, 'r+direct');
      while (done < length) {
        const { bytesWritten } = await direct.writev([bytes.subarray(done, length)], position + done);
        done += bytesWritten;
        // A short write, of a disk that is full: the rest as usual, which says why.
        if (bytesWritten === 0 || done % PAGE_BYTES !== 0) break;
      }
    } catch (error) {
      if (!REFUSALS.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
      this.#isPossible = false;
    }
    return done;
  }
}

/**
 * A cache of blocks of objects in a folder of the data folder: reads of a bucket take time and money.
 * In: blocks by name. Out: the same bytes, while they are kept. Bounded in bytes: the least recently
 * requested block goes first. It is emptied at each start, so that a block that a crash tore is never read. A
 * block that cannot be kept is no error.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type Files, systemFiles } from '../../lib/files/files.ts';
import { writeAll } from '../../lib/files/write-all.ts';

/** Options of the cache. */
export interface BlockFilesOptions {
  /** Absolute path; its content is deleted. */
  readonly folder: string;
  /** The most that all blocks may take, bytes; read at each use. */
  readonly maxBytes: () => number;
  /** Whether the disk has room; read at each use. */
  readonly hasRoom: () => boolean;
  /** The file layer; default: that of the system. */
  readonly files?: Files;
}

/** The cache of one process. */
export class BlockFiles {
  readonly #options: BlockFilesOptions;
  readonly #files: Files;
  /** Bytes by name, least recently requested first. */
  readonly #kept = new Map<string, number>();
  /** Files that are being written. */
  readonly #writing = new Map<string, Promise<void>>();
  #bytes = 0;

  private constructor(options: BlockFilesOptions) {
    this.#options = options;
    this.#files = options.files ?? systemFiles;
  }

  /** Empties the folder. */
  static async open(options: BlockFilesOptions): Promise<BlockFiles> {
    await (options.files ?? systemFiles).rm(options.folder, { recursive: true, force: true });
    return new BlockFiles(options);
  }

  /** Bytes of all blocks. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A block, if it is kept. */
  async get(name: string): Promise<Uint8Array | undefined> {
    const size = this.#kept.get(name);
    if (size === undefined) return undefined;
    this.#kept.delete(name);
    this.#kept.set(name, size);
    await this.#writing.get(name);
    const bytes = await this.#files.readFile(this.#pathOf(name)).catch(() => undefined);
    if (bytes?.length === size) return bytes;
    await this.#drop(name);
    return undefined;
  }

  /** Keeps a block, and drops others for it. */
  async put(name: string, bytes: Uint8Array): Promise<void> {
    const { maxBytes, hasRoom } = this.#options;
    if (!hasRoom()) {
      // Recordings need the space more.
      await this.clear();
      return;
    }
    if (this.#kept.has(name) || bytes.length > maxBytes()) return;
    this.#kept.set(name, bytes.length);
    this.#bytes += bytes.length;
    const write = this.#write(name, bytes);
    this.#writing.set(name, write);
    for (const oldest of [...this.#kept.keys()]) {
      if (this.#bytes <= maxBytes()) break;
      if (oldest !== name) await this.#drop(oldest);
    }
    await write;
    if (this.#writing.get(name) === write) this.#writing.delete(name);
  }

  async #write(name: string, bytes: Uint8Array): Promise<void> {
    try {
      await this.#files.mkdir(this.#options.folder, { recursive: true, mode: 0o700 });
      await using file = await this.#files.open(this.#pathOf(name), 'w', 0o600);
      await writeAll(file, [bytes], 0);
    } catch {
      await this.#drop(name);
    }
    // It may have been dropped while it was written.
    if (!this.#kept.has(name)) await this.#files.rm(this.#pathOf(name), { force: true }).catch(() => {});
  }

  /** Drops the blocks for whose name `isGone` is true. */
  async forget(isGone: (name: string) => boolean): Promise<void> {
    for (const name of [...this.#kept.keys()]) if (isGone(name)) await this.#drop(name);
  }

  /** Drops all blocks. */
  clear(): Promise<void> {
    return this.forget(() => true);
  }

  async #drop(name: string): Promise<void> {
    const size = this.#kept.get(name);
    if (size === undefined) return;
    this.#kept.delete(name);
    this.#bytes -= size;
    // A read in progress gets the cached bytes or falls back to the bucket.
    await this.#files.rm(this.#pathOf(name), { force: true }).catch(() => {});
  }

  #pathOf(name: string): string {
    return join(this.#options.folder, createHash('sha256').update(name).digest('hex').slice(0, 40));
  }
}

/**
 * Copies on the disk: one file for each immutable object, checked when it is read. They survive a restart.
 * In: a folder, copies. Out: copies. A file that was cut off or changed is deleted, as if it had never been
 * there.
 */
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { systemFiles } from '../../lib/files/files.ts';
import { makeFolder } from '../../lib/files/folder.ts';
import { writeAll } from '../../lib/files/write-all.ts';
import { bytesOf, type Copy, type CopyFields, replyOf } from './copy.ts';
import { freshnessOf } from './freshness.ts';
import { S3Fifo } from './s3-fifo.ts';

/** Bytes of copies that wait to be written; further ones are not written. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
const MAX_WRITES = 4;
/** Files whose heads are read at once at the start. */
const MAX_SCANS = 16;
/** Longest head of a file, bytes. */
const MAX_HEAD_BYTES = 4096;
const FILE = /^[0-9a-f]{40}$/;

/** The first line of a file, as JSON; the bytes follow. */
interface Head extends Omit<CopyFields, 'etag'> {
  readonly key: string;
  readonly name: string;
  readonly etag?: string | undefined;
  readonly isPrivate: boolean;
  readonly bornMs: number;
  readonly length: number;
  /** CRC-32 of the bytes. */
  readonly crc: number;
}

interface Entry {
  readonly name: string;
}

interface DiskCacheOptions {
  readonly folder: string;
  readonly maxBytes: number;
  /** Called when the disk fails; the edge works on without the file. */
  readonly failed: (error: unknown) => void;
}

export class DiskCache implements AsyncDisposable {
  readonly #options: DiskCacheOptions;
  readonly #files: S3Fifo<Entry>;
  /** In the order of arrival. */
  readonly #waiting = new Map<string, Copy>();
  /** By key. */
  readonly #writing = new Map<string, { readonly key: string; readonly name: string; isDeleted: boolean }>();
  #waitingBytes = 0;
  #idle = Promise.withResolvers<void>();
  #drafts = 0;

  private constructor(options: DiskCacheOptions) {
    this.#options = options;
    this.#files = new S3Fifo({ maxBytes: options.maxBytes, evicted: (key) => void this.#unlink(key) });
  }

  /**
   * Opens the folder and reads its files, the oldest first.
   * @throws the system's error if it cannot be created
   */
  static async open(options: DiskCacheOptions): Promise<DiskCache> {
    makeFolder(options.folder);
    const cache = new DiskCache(options);
    await cache.#scan();
    return cache;
  }

  /** Bytes of all files. */
  get bytes(): number {
    return this.#files.bytes;
  }

  /** Number of files. */
  get size(): number {
    return this.#files.size;
  }

  /** Whether there is a file. */
  has(key: string): boolean {
    return this.#files.peek(key) !== undefined;
  }

  /** Reads a copy; undefined if there is none, or its file is damaged. */
  async read(key: string): Promise<Copy | undefined> {
    if (!this.#files.get(key)) return undefined;
    try {
      const bytes = await systemFiles.readFile(this.#pathOf(key));
      const copy = parseFile(bytes);
      if (copy?.key === key) return copy;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#options.failed(error);
    }
    this.delete(key);
    return undefined;
  }

  /** Writes a copy, later; leaves it out if the disk does not keep up. */
  write(copy: Copy): void {
    const { key, reply } = copy;
    if (this.has(key) || this.#waiting.has(key) || this.#writing.has(key)) return;
    if (this.#waitingBytes + reply.length > MAX_WAITING_BYTES) return;
    this.#waiting.set(key, copy);
    this.#waitingBytes += reply.length;
    this.#pump();
  }

  /** Deletes a copy. */
  delete(key: string): void {
    const waiting = this.#waiting.get(key);
    if (waiting) this.#waitingBytes -= waiting.reply.length;
    this.#waiting.delete(key);
    const writing = this.#writing.get(key);
    if (writing) writing.isDeleted = true;
    if (this.#files.delete(key)) void this.#unlink(key);
  }

  /** Deletes copies; resolves with their keys when their files are gone. */
  async purge(
    isMeant: (object: { readonly key: string; readonly name: string }) => boolean,
  ): Promise<readonly string[]> {
    for (const [key, copy] of this.#waiting) if (isMeant(copy)) this.delete(key);
    for (const writing of this.#writing.values()) if (isMeant(writing)) writing.isDeleted = true;
    const keys: string[] = [];
    for (const [key, { name }] of this.#files.entries()) if (isMeant({ key, name })) keys.push(key);
    for (const key of keys) this.#files.delete(key);
    for (const key of keys) await this.#unlink(key);
    return keys;
  }

  /** Resolves when all copies are written. */
  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#waiting.size + this.#writing.size > 0) await this.#idle.promise;
  }

  #pathOf(key: string): string {
    const hash = createHash('sha256').update(key).digest('hex').slice(0, 40);
    return join(this.#options.folder, hash.slice(0, 2), hash);
  }

  #pump(): void {
    for (const [key, copy] of this.#waiting) {
      if (this.#writing.size >= MAX_WRITES) return;
      this.#waiting.delete(key);
      this.#waitingBytes -= copy.reply.length;
      this.#writing.set(key, { key, name: copy.name, isDeleted: false });
      void this.#store(copy).finally(() => {
        const isDeleted = this.#writing.get(key)?.isDeleted;
        this.#writing.delete(key);
        if (isDeleted) this.delete(key);
        this.#pump();
        this.#idle.resolve();
        this.#idle = Promise.withResolvers();
      });
    }
  }

  /** The name of the file appears only when it is complete. Never rejects. */
  async #store(copy: Copy): Promise<void> {
    const path = this.#pathOf(copy.key);
    const draft = join(this.#options.folder, `draft-${process.pid}-${this.#drafts++}`);
    try {
      const bytes = printFile(copy);
      {
        await using file = await systemFiles.open(draft, 'w', 0o600);
        await writeAll(file, [bytes], 0);
      }
      await systemFiles.mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await systemFiles.rename(draft, path);
      this.#files.set(copy.key, { name: copy.name }, bytes.length);
    } catch (error) {
      this.#options.failed(error);
      await systemFiles.rm(draft, { force: true }).catch(() => {});
    }
  }

  async #unlink(key: string): Promise<void> {
    await systemFiles.rm(this.#pathOf(key), { force: true }).catch((error) => this.#options.failed(error));
  }

  async #scan(): Promise<void> {
    const { folder } = this.#options;
    const paths: string[] = [];
    for (const { name } of await systemFiles.readdir(folder)) {
      if (name.startsWith('draft-')) await systemFiles.rm(join(folder, name), { force: true });
      if (!/^[0-9a-f]{2}$/.test(name)) continue;
      for (const { name: file } of await systemFiles.readdir(join(folder, name)))
        if (FILE.test(file)) paths.push(join(folder, name, file));
    }
    const entries: { readonly head: Head; readonly bytes: number; readonly atMs: number }[] = [];
    const scan = async (): Promise<void> => {
      for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
        const entry = await this.#readHead(path);
        if (entry) entries.push(entry);
        else await systemFiles.rm(path, { force: true });
      }
    };
    await Promise.all(Array.from({ length: MAX_SCANS }, scan));
    entries.sort((a, b) => a.atMs - b.atMs);
    for (const { head, bytes } of entries) this.#files.set(head.key, { name: head.name }, bytes);
  }

  async #readHead(path: string): Promise<{ head: Head; bytes: number; atMs: number } | undefined> {
    await using file = await systemFiles.open(path, 'r');
    const buffer = Buffer.alloc(MAX_HEAD_BYTES);
    const { bytesRead } = await file.read(buffer, 0, MAX_HEAD_BYTES, 0);
    const head = parseHead(buffer.subarray(0, bytesRead));
    const { size, mtimeMs } = await systemFiles.stat(path);
    return head && head.end + head.length === size && this.#pathOf(head.key) === path
      ? { head, bytes: size, atMs: mtimeMs }
      : undefined;
  }
}

function printFile({ key, name, reply, freshness }: Copy): Buffer {
  const bytes = bytesOf({ reply });
  const { contentType, cacheControl, etag } = reply;
  const { isPrivate, bornMs } = freshness;
  const head: Head = {
    key,
    name,
    contentType,
    cacheControl,
    etag,
    isPrivate,
    bornMs,
    isText: reply.gzip !== undefined,
    length: bytes.length,
    crc: crc32(bytes),
  };
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), bytes]);
}

function parseHead(bytes: Buffer): (Head & { readonly end: number }) | undefined {
  const end = bytes.indexOf(0x0a) + 1;
  if (end === 0 || end > MAX_HEAD_BYTES) return undefined;
  try {
    return { ...(JSON.parse(bytes.toString('utf8', 0, end)) as Head), end };
  } catch {
    return undefined;
  }
}

function parseFile(file: Buffer): Copy | undefined {
  const head = parseHead(file);
  if (!head) return undefined;
  const bytes = file.subarray(head.end);
  if (bytes.length !== head.length || crc32(bytes) !== head.crc) return undefined;
  const { key, name, cacheControl, isPrivate, bornMs } = head;
  const control = isPrivate ? `private, ${cacheControl}` : cacheControl;
  const freshness = { ...freshnessOf({ 'cache-control': control }, bornMs), bornMs };
  return { key, name, reply: replyOf({ ...head, etag: head.etag }, bytes), freshness, confirmedMs: bornMs };
}

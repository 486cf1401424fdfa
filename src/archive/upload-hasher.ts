/**
 * Hashes files while they grow, in a few threads: they read what the system still has in memory.
 * In: paths, how far each file is final. Out: SHA-256. A thread starts with its first file and ends after its
 * last one; a file stays with its thread.
 */
import { Worker } from 'node:worker_threads';
import { startedFile } from '../lib/program-files.ts';
import type { HashAnswer, HashOrder } from './upload-hash-worker.ts';
import type { UploadDigest } from './upload-store.ts';

/** An idle thread ends after this long, ms: the next upload often follows soon. */
const IDLE_MS = 10_000;

interface Open {
  readonly paths: readonly string[];
  reached: number;
  /** Set while someone waits for the hash. */
  result: PromiseWithResolvers<string> | undefined;
}

/** All threads. */
export class UploadHasher implements AsyncDisposable {
  readonly #threads: readonly HashThread[];

  /** @param threads most of them at the same time, 1 to 16 */
  constructor(threads: number) {
    this.#threads = Array.from({ length: threads }, () => new HashThread());
  }

  /**
   * Begins to hash a file, which need not exist before bytes of it are final. The thread with the fewest
   * files gets it.
   *
   * @param paths the first one that exists is read
   */
  open(paths: readonly string[]): UploadDigest {
    return this.#threads.reduce((least, thread) => (thread.size < least.size ? thread : least)).open(paths);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread[Symbol.asyncDispose]()));
  }
}

/** A thread and its files. */
class HashThread implements AsyncDisposable {
  readonly #open = new Map<number, Open>();
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #nextId = 1;

  /** Number of open files. */
  get size(): number {
    return this.#open.size;
  }

  /** As `UploadHasher.open`. */
  open(paths: readonly string[]): UploadDigest {
    const id = this.#nextId++;
    const entry: Open = { paths, reached: 0, result: undefined };
    this.#open.set(id, entry);
    clearTimeout(this.#idle);
    const isOpen = () => this.#open.has(id);
    return {
      reach: (bytes) => {
        if (!isOpen() || bytes <= entry.reached) return;
        entry.reached = bytes;
        this.#post({ id, paths, reach: bytes });
      },
      result: (bytes) => {
        const result = Promise.withResolvers<string>();
        if (isOpen()) {
          entry.result = result;
          this.#post({ id, paths, reach: Math.max(bytes, entry.reached), resultAt: bytes });
        } else {
          result.reject(new Error('the digest is closed'));
        }
        return result.promise;
      },
      [Symbol.dispose]: () => {
        if (!this.#open.delete(id)) return;
        entry.result?.reject(new Error('the digest is closed'));
        this.#worker?.postMessage({ id, close: true } satisfies HashOrder);
        this.#endLater();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#fail(new Error('the store of uploads is closed'));
    await worker?.terminate();
  }

  #post(order: HashOrder): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(order);
  }

  #start(): Worker {
    const worker = new Worker(startedFile('archive/upload-hash-worker'), {
      name: 'oxbow-hash',
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 32 },
    });
    worker.unref(); // who waits for a hash holds a connection or a timer
    worker.on('message', (answer: HashAnswer) => this.#settle(answer));
    const failed = (error: Error) => {
      if (this.#worker === worker) this.#fail(error);
    };
    worker.on('error', failed);
    worker.on('exit', () => failed(new Error('the thread of hashes has ended')));
    return worker;
  }

  #settle({ id, sha256, error }: HashAnswer): void {
    const entry = this.#open.get(id);
    if (!entry?.result) return;
    if (sha256 === undefined) entry.result.reject(new Error(error));
    else entry.result.resolve(sha256);
    entry.result = undefined;
  }

  /** Ends every digest; the next one starts a new thread. */
  #fail(error: Error): void {
    this.#worker = undefined;
    for (const { result } of this.#open.values()) result?.reject(error);
    this.#open.clear();
  }

  #endLater(): void {
    if (this.#open.size > 0) return;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      const worker = this.#worker;
      this.#worker = undefined;
      void worker?.terminate();
    }, IDLE_MS);
    this.#idle.unref();
  }
}

/**
 * Uploads one file in chunks, several at a time: reads which chunks have arrived, sends missing ones, repeats
 * lost ones, completes.
 * In: a file, a ChunkServer. Out: the id of the asset; progress; waits for a network that comes back.
 */
import { OxbowProblem, type Problem } from '../problem.ts';
import { pause } from '../request.ts';
import type { ChunkServer, UploadState } from './chunk-api.ts';

/** First and longest pause before a request is repeated, ms. */
const PAUSE_MS = { first: 500, longest: 15_000 } as const;

/** Most rounds of sending missing chunks. */
const MOST_ROUNDS = 3;

export interface UploadProgress {
  /** Bytes that have arrived or are being sent; less after a loss. */
  readonly bytes: number;
  /** Why requests are being repeated now; null while they succeed. */
  readonly trouble: Problem | null;
}

/** How a file is uploaded. */
export interface ChunkedUploadOptions {
  /** Chunks that are sent at the same time, 1 or more. */
  readonly parallel: number;
  /** Id of an earlier try. If the server has forgotten it, the upload starts from the beginning. */
  readonly uploadId?: string | undefined;
  /** The upload exists on the server: from now on it can be continued by this id. */
  readonly onBegun?: (upload: UploadState) => void;
  readonly onProgress?: (progress: UploadProgress) => void;
  /** Longest time without anything arriving, ms; default: without limit. */
  readonly patienceMs?: number;
  /** The same before the first answer: a wrong address is reported soon. Default: `patienceMs`. */
  readonly firstPatienceMs?: number;
  /** Wakes pauses: the network may be back. */
  readonly wake?: EventTarget;
  /** Ends the transfer; the upload can be continued later. */
  readonly signal: AbortSignal;
}

/**
 * Bytes of each chunk for a file: small files in small chunks, so that little is lost with a connection; the
 * server takes 10,000 chunks.
 *
 * @param bytes of the file
 */
export function chunkSizeFor(bytes: number): number {
  const mebibyte = 1024 * 1024;
  if (bytes <= 4 * mebibyte) return 256 * 1024;
  if (bytes <= 64 * mebibyte) return mebibyte;
  return bytes <= 32 * 1024 * mebibyte ? 4 * mebibyte : 8 * mebibyte;
}

/**
 * Whether a failed request may succeed later: no answer, an overloaded or restarting server, a proxy without
 * one behind it. A refusal is final.
 */
function isTemporary({ status, code }: Problem): boolean {
  if (code === 'unreachable' || code === 'checksum-mismatch' || code === 'idempotency-key-in-use') return true;
  return status === 408 || status === 425 || status === 423 || status === 429 || (status >= 500 && status !== 507);
}

/**
 * Uploads a file.
 *
 * @param file not changed while it is read
 * @returns the id of its asset
 * @throws OxbowProblem if the server refuses, or nothing arrived for `patienceMs`; the reason of `signal`
 */
export async function uploadInChunks(server: ChunkServer, file: Blob, options: ChunkedUploadOptions): Promise<string> {
  return await new ChunkedUpload(server, file, options).run();
}

class ChunkedUpload {
  readonly #server: ChunkServer;
  readonly #file: Blob;
  readonly #options: ChunkedUploadOptions;
  /** Ends the other senders when one has failed for good. */
  readonly #ends = new AbortController();
  readonly #signal: AbortSignal;
  /** Bytes of the chunks that are being sent. */
  readonly #sending = new Map<number, number>();
  #arrived = 0;
  #arrivedAtMs = performance.now();
  #patienceMs = 0;
  #trouble: Problem | null = null;

  constructor(server: ChunkServer, file: Blob, options: ChunkedUploadOptions) {
    this.#server = server;
    this.#file = file;
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#ends.signal]);
  }

  async run(): Promise<string> {
    const { patienceMs = Number.POSITIVE_INFINITY, firstPatienceMs = patienceMs } = this.#options;
    this.#patienceMs = firstPatienceMs;
    const upload = await this.#open();
    this.#patienceMs = patienceMs;
    this.#options.onBegun?.(upload);
    if (!upload.complete) await this.#finish(upload);
    this.#arrived = this.#file.size;
    this.#report();
    return upload.assetId;
  }

  /** Chunks that the server has lost are sent again. */
  async #finish(first: UploadState): Promise<void> {
    for (let upload = first, round = 1; ; round++) {
      await this.#sendMissing(upload);
      try {
        return await this.#complete(upload);
      } catch (error) {
        if (!(error instanceof OxbowProblem) || error.code !== 'upload-incomplete' || round === MOST_ROUNDS)
          throw error;
      }
      upload = await this.#retry(() => this.#server.status(upload.uploadId, this.#signal));
    }
  }

  async #open(): Promise<UploadState> {
    const { uploadId } = this.#options;
    if (uploadId !== undefined) {
      try {
        return await this.#retry(() => this.#server.status(uploadId, this.#signal));
      } catch (error) {
        if (!(error instanceof OxbowProblem) || (error.status !== 404 && error.status !== 410)) throw error;
      }
    }
    return await this.#retry(() => this.#server.begin(this.#signal));
  }

  async #sendMissing(upload: UploadState): Promise<void> {
    const count = Math.ceil(this.#file.size / upload.chunkBytes);
    const missing: number[] = [];
    this.#arrived = 0;
    for (let number = 1; number <= count; number++) {
      if (upload.received.has(number)) this.#arrived += this.#chunk(upload, number).size;
      else missing.push(number);
    }
    this.#report();
    const next = missing.values();
    const sender = async () => {
      for (const number of next) await this.#sendOne(upload, number);
    };
    const senders = Array.from({ length: Math.min(this.#options.parallel, missing.length) }, sender);
    try {
      await Promise.all(senders);
    } catch (error) {
      this.#ends.abort(error);
      await Promise.allSettled(senders);
      throw error;
    }
  }

  async #sendOne(upload: UploadState, number: number): Promise<void> {
    const chunk = this.#chunk(upload, number);
    await this.#retry(async () => {
      try {
        const sent = (bytes: number) => {
          this.#sending.set(number, Math.min(bytes, chunk.size));
          this.#report();
        };
        await this.#server.send(upload.uploadId, number, chunk, sent, this.#signal);
        this.#arrived += chunk.size;
        this.#arrivedAtMs = performance.now();
      } finally {
        this.#sending.delete(number);
      }
    });
    this.#report();
  }

  #chunk({ chunkBytes }: UploadState, number: number): Blob {
    return this.#file.slice((number - 1) * chunkBytes, number * chunkBytes);
  }

  /** The answer to the first request may have been lost: then the upload is already complete. */
  async #complete({ uploadId }: UploadState): Promise<void> {
    let lost = false;
    await this.#retry(async () => {
      if (lost && (await this.#server.status(uploadId, this.#signal)).complete) return;
      lost = true;
      await this.#server.complete(uploadId, this.#signal);
    });
  }

  /** Repeats a request until it succeeds, is refused, or patience ends. */
  async #retry<T>(request: () => Promise<T>): Promise<T> {
    for (let failed = 0; ; failed++) {
      try {
        const answer = await request();
        this.#trouble = null;
        return answer;
      } catch (error) {
        this.#signal.throwIfAborted();
        if (!(error instanceof OxbowProblem) || !isTemporary(error.problem)) throw error;
        if (performance.now() - this.#arrivedAtMs > this.#patienceMs) throw error;
        this.#trouble = error.problem;
        this.#report();
        await this.#wait(Math.min(PAUSE_MS.longest, PAUSE_MS.first * 2 ** failed) * (0.5 + Math.random() / 2));
      }
    }
  }

  async #wait(ms: number): Promise<void> {
    const { wake } = this.#options;
    const woken = new AbortController();
    const onWake = () => woken.abort();
    wake?.addEventListener('online', onWake);
    try {
      await pause(ms, AbortSignal.any([this.#signal, woken.signal]));
    } catch (error) {
      if (!woken.signal.aborted || this.#signal.aborted) throw error;
    } finally {
      wake?.removeEventListener('online', onWake);
    }
  }

  #report(): void {
    let bytes = this.#arrived;
    for (const sent of this.#sending.values()) bytes += sent;
    this.#options.onProgress?.({ bytes, trouble: this.#trouble });
  }
}

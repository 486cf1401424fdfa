/**
 * Stores the body of a request in a file while it arrives: collects small reads, writes behind, and syncs at
 * bounded distances.
 * In: a stream, a file. Out: how far the bytes are on the disk. Memory: two batches and the buffer of the
 * stream.
 */
import type { Readable } from 'node:stream';
import type { KeptBytes, UploadFile } from '../../archive/upload-store.ts';
import { OxbowError } from '../../lib/errors.ts';
import { locked } from './upload-locks.ts';

/** How a body is stored. */
interface ReceiveOptions {
  readonly file: UploadFile;
  /** Of the first byte in the file. */
  readonly position: number;
  /** Bytes at most; a longer body ends with `exceeded`. */
  readonly limit: number;
  /** Refuses the first bytes of a file by throwing; gets up to 4 KiB. */
  readonly check?: ((first: Uint8Array) => void) | undefined;
  /** Gets every byte in order, e.g. for a checksum. */
  readonly inspect?: ((bytes: Uint8Array) => void) | undefined;
  /** Bytes were written up to this position; they are not synced yet. */
  readonly onWritten: (position: number) => void;
  /**
   * Everything up to this position is on the disk, or in a bucket when `kept` is noted. Without it, nothing
   * is synced before the end.
   */
  readonly onSynced?: ((position: number, kept: KeptBytes | undefined) => Promise<void>) | undefined;
  /** Ends the receiving: the lock was taken, or the asset deleted. */
  readonly signal: AbortSignal;
}

/** How a body ended. */
export interface Received {
  /** End of the bytes that are in the file and synced. */
  readonly position: number;
  /** Why it ended before its end; undefined: it is complete. */
  readonly failure: unknown;
  /** Without `onSynced`: what is to be noted for these bytes to count. */
  readonly kept: KeptBytes | undefined;
}

/** Reads are collected up to this, bytes. */
const BATCH_BYTES = 512 * 1024;
/** Bytes and time after which written bytes are synced, while more arrive. */
const SYNC_BYTES = 32 * 1024 * 1024;
const SYNC_MS = 1000;
/** `onSynced` is called at least this often while bytes arrive: the upload must not expire meanwhile, ms. */
const REPORT_MS = 10_000;
/** A client that sends nothing for this long is gone, ms. */
const IDLE_MS = 60_000;
/** First bytes that are checked. */
const CHECKED_BYTES = 4096;

/**
 * Receives a body. It never rejects: the result has the failure, and how far the bytes are stored. The stream
 * is left paused.
 */
export function receiveBody(body: Readable, options: ReceiveOptions): Promise<Received> {
  return new Promise((resolve) => new Receiver(body, options, resolve).start());
}

class Receiver {
  readonly #body: Readable;
  readonly #options: ReceiveOptions;
  readonly #done: (received: Received) => void;
  #batch: Uint8Array[] = [];
  #batchBytes = 0;
  /** End of the received, of the written, and of the synced bytes. */
  #arrived: number;
  #written: number;
  #synced: number;
  #syncedAtMs = performance.now();
  #reportedAtMs = performance.now();
  #writing = false;
  #syncing: Promise<void> | undefined;
  #isChecked: boolean;
  /** Its pieces have no other user. */
  readonly #isRequest: boolean;
  #ended = false;
  #failure: unknown;
  #kept: KeptBytes | undefined;
  readonly #idle: NodeJS.Timeout;
  /** Stores and syncs also the bytes of a slow client. */
  readonly #tick: NodeJS.Timeout;
  #writesAll = false;

  constructor(body: Readable, options: ReceiveOptions, done: (received: Received) => void) {
    this.#body = body;
    this.#options = options;
    this.#done = done;
    this.#arrived = options.position;
    this.#written = options.position;
    this.#synced = options.position;
    this.#isChecked = options.check === undefined;
    this.#isRequest = 'httpVersion' in body;
    this.#idle = setTimeout(() => this.#end(cut(`No bytes arrived for ${IDLE_MS / 1000} s.`)), IDLE_MS);
    this.#tick = setInterval(this.#onTick, SYNC_MS);
  }

  start(): void {
    const { signal } = this.#options;
    const body = this.#body;
    if (signal.aborted) {
      this.#end(reasonOf(signal));
      return;
    }
    signal.addEventListener('abort', this.#onAbort, { once: true });
    body.on('data', this.#onData);
    body.once('end', this.#onEnd);
    body.once('error', this.#onCut);
    body.once('close', this.#onCut);
    // A body of which everything was read before, or whose connection is gone, emits nothing more.
    if (body.readableEnded) this.#end();
    else if (body.destroyed) this.#onCut();
    else body.resume();
  }

  readonly #onTick = () => {
    this.#writesAll = true;
    if (!this.#writing) void this.#write();
  };

  readonly #onAbort = () => {
    this.#end(reasonOf(this.#options.signal));
  };

  readonly #onEnd = () => this.#end();

  readonly #onCut = () => this.#end(cut('The connection ended before the last byte.'));

  readonly #onData = (bytes: Uint8Array) => {
    const room = this.#options.position + this.#options.limit - this.#arrived;
    const taken = bytes.length > room ? bytes.subarray(0, room) : bytes;
    if (taken.length > 0) {
      this.#options.inspect?.(taken);
      this.#batch.push(taken);
      this.#batchBytes += taken.length;
      this.#arrived += taken.length;
    }
    if (taken !== bytes) return this.#end(exceeded());
    this.#idle.refresh();
    if (this.#batchBytes < BATCH_BYTES) return;
    if (this.#writing) this.#body.pause();
    else void this.#write();
  };

  /** Writes batches while they are full; after the end also the last one. */
  async #write(): Promise<void> {
    this.#writing = true;
    try {
      while (this.#batchBytes >= (this.#ended || this.#writesAll ? 1 : BATCH_BYTES)) {
        this.#writesAll = false;
        const batch = this.#batch;
        const bytes = this.#batchBytes;
        if (!this.#isChecked) this.#check(batch);
        this.#batch = [];
        this.#batchBytes = 0;
        if (!this.#ended) this.#body.resume();
        await this.#options.file.write(batch, this.#written);
        this.#written += bytes;
        if (this.#isRequest) batch.forEach(free);
        this.#options.onWritten(this.#written);
        this.#syncIfDue();
      }
      this.#syncIfDue();
    } catch (error) {
      this.#batch = [];
      this.#batchBytes = 0;
      this.#fail(error);
    }
    this.#writing = false;
    if (this.#ended) await this.#finish();
  }

  #check(batch: readonly Uint8Array[]): void {
    this.#isChecked = true;
    const first = batch[0]!.length >= CHECKED_BYTES ? batch[0]! : Buffer.concat(batch);
    this.#options.check!(first.subarray(0, CHECKED_BYTES));
  }

  #syncIfDue(): void {
    if (!this.#options.onSynced || this.#syncing || this.#ended || this.#written === this.#synced) return;
    const isDue = this.#written - this.#synced >= SYNC_BYTES || performance.now() - this.#syncedAtMs >= SYNC_MS;
    if (!isDue) return;
    this.#syncing = this.#sync(false)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#syncing = undefined;
      });
  }

  async #sync(isEnd: boolean): Promise<void> {
    const written = this.#written;
    const kept = await this.#options.file.sync(isEnd);
    const position = kept ? kept.position : written;
    this.#syncedAtMs = performance.now();
    this.#failure ??= kept?.failure;
    // A bucket has no more than before until a part is full.
    if (position === this.#synced && !isEnd && performance.now() - this.#reportedAtMs < REPORT_MS) return;
    this.#reportedAtMs = performance.now();
    await this.#options.onSynced?.(position, kept);
    this.#kept = kept;
    this.#synced = position;
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#end();
  }

  /** No more bytes are taken. */
  #end(failure?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure ??= failure;
    clearTimeout(this.#idle);
    clearInterval(this.#tick);
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    const body = this.#body;
    body.off('data', this.#onData);
    body.off('end', this.#onEnd);
    body.off('close', this.#onCut);
    body.off('error', this.#onCut);
    body.on('error', () => undefined); // of a connection that is not read any more
    body.pause();
    if (!this.#writing) void this.#write();
  }

  async #finish(): Promise<void> {
    await this.#syncing;
    try {
      if (this.#written > this.#synced || this.#written === this.#options.position) await this.#sync(true);
    } catch (error) {
      this.#failure ??= error;
    }
    this.#done({ position: this.#synced, failure: this.#failure, kept: this.#kept });
  }
}

/**
 * Gives the memory of a piece back at once. As garbage, the pieces of an upload make V8 mark the whole heap
 * every 64 MiB: a third of all CPU time, and 100 MiB more.
 */
function free({ buffer, byteLength }: Uint8Array): void {
  // A part of a larger buffer may have other parts in use.
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) buffer.transfer(0);
}

/** Why the receiving was ended: the reason of the signal, or the lease of the lock was lost. */
function reasonOf({ reason }: AbortSignal): OxbowError {
  if (reason instanceof OxbowError) return reason;
  return reason === 'taken' || reason === 'unconfirmed'
    ? locked()
    : new OxbowError('not-ready', 'oxbow is stopping.', { extra: { retryAfterSeconds: 5 } });
}

function cut(detail: string): OxbowError {
  return new OxbowError('upload-incomplete', detail);
}

/** The failure of a body that is longer than its limit. */
function exceeded(): OxbowError {
  return new OxbowError('upload-too-large', 'The request has more bytes than the upload needs.');
}

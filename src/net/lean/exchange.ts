/**
 * One request on a connection, and its response.
 * In: bytes of the connection. Out: a head, then a body, complete or in pieces.
 */
import type { Patience } from '../patience.ts';
import { BodyStore, type TakeMemory } from './body-store.ts';
import { ChunkReader } from './chunks.ts';
import { type Head, MAX_HEAD_BYTES, MalformedResponse, readHead } from './head.ts';

/** Most interim responses (1xx) before the final one. */
const MAX_INTERIM = 16;
/** Bytes of a body that are stored before it is read, and while the reader of a stream is busy. */
const MAX_HELD_BYTES = 64 * 1024;
const MAX_AHEAD_BYTES = 256 * 1024;
/** Of a body whose length is not announced, the rest is infinite. */
const MAX_DIRECT_BYTES = 64 * 1024 * 1024;
const LF = 10;
const CR = 13;

/** The response has another protocol than HTTP (101). */
export class OtherProtocol extends Error {}

/** Options of an `Exchange`. */
export interface ExchangeOptions {
  readonly patience: Patience;
  /** Memory for the body. */
  readonly takeMemory?: TakeMemory | undefined;
  /** More of the body is wanted again. */
  readonly onResume: () => void;
}

/** A request that has been sent, or is being sent. */
export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #answered: (head: Head) => void;
  readonly #refused: (error: unknown) => void;
  /** The head; rejects with the error of the connection, or MalformedResponse. */
  readonly answered: Promise<Head>;
  head: Head | undefined;
  /** The beginning of a head that has not arrived completely. */
  #partial: Buffer | undefined;
  #interim = 0;
  #chunks: ChunkReader | undefined;
  /** Bytes of the body that are missing; infinite if its end is not known. */
  #left = 0;
  #store: BodyStore | undefined;
  #mode: 'held' | 'collected' | 'streamed' = 'held';
  /** Of a body that is collected. */
  #maxBytes = Number.POSITIVE_INFINITY;
  #isDone = false;
  #failure: { readonly error: unknown } | undefined;
  /** Wakes the reader of the body. */
  #wake: (() => void) | undefined;
  /** Bytes of the response so far. */
  received = 0;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    const { promise, resolve, reject } = Promise.withResolvers<Head>();
    this.answered = promise;
    this.#answered = resolve;
    this.#refused = reject;
  }

  /** The response has arrived completely. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Whether the reader of the body can take more. */
  get wantsMore(): boolean {
    if (this.#mode === 'collected' || !this.#store) return true;
    return this.#store.bytes < (this.#mode === 'held' ? MAX_HELD_BYTES : MAX_AHEAD_BYTES);
  }

  /**
   * Where the next bytes may be read into instead of a buffer from which they are copied; undefined: nowhere.
   * The last byte of the body is never read there: with it, the connection has to show what follows, which no
   * request has caused.
   */
  get room(): Uint8Array | undefined {
    // A stream takes the buffer before it is full.
    if (this.#mode !== 'collected' || this.#chunks || this.#isDone || this.#left > MAX_DIRECT_BYTES) return undefined;
    const room = this.#store?.room;
    if (!room || room.length < this.#left) return room;
    return this.#left > 1 ? room.subarray(0, this.#left - 1) : undefined;
  }

  /** Bytes have been read into `room`. */
  filled(bytes: number): void {
    this.received += bytes;
    this.#options.patience.received(bytes);
    if (this.#failure) return; // it was too slow
    this.#store!.filled(bytes);
    this.#left -= bytes;
  }

  /**
   * @param bytes overwritten after the call
   * @returns how many of them belong to the response
   * @throws MalformedResponse
   */
  receive(bytes: Buffer): number {
    this.received += bytes.length;
    let at = 0;
    while (!this.head) {
      if (at === bytes.length) return at;
      at = this.#readHead(bytes, at);
    }
    return this.#isDone ? at : at + this.#readBody(at === 0 ? bytes : bytes.subarray(at));
  }

  #readHead(bytes: Buffer, from: number): number {
    const before = this.#partial?.length ?? 0;
    const all = this.#partial ? Buffer.concat([this.#partial, bytes]) : bytes;
    let start = this.#partial ? 0 : from;
    while (start + 1 < all.length && all[start] === CR && all[start + 1] === LF) start += 2; // as node:http
    const end = all.indexOf('\r\n\r\n', start, 'latin1');
    if ((end < 0 ? all.length : end) - start > MAX_HEAD_BYTES) {
      throw new MalformedResponse(`The head of the answer is longer than ${MAX_HEAD_BYTES} bytes.`);
    }
    if (end < 0) {
      if (hasBareLf(all, start)) throw new MalformedResponse('A line of the answer does not end with CRLF.');
      this.#partial = Buffer.from(all.subarray(start));
      return bytes.length;
    }
    this.#partial = undefined;
    this.#takeHead(readHead(all.toString('latin1', start, end + 2)));
    return end + 4 - before;
  }

  #takeHead(head: Head): void {
    if (head.status < 200) {
      if (head.status === 101) throw new OtherProtocol();
      if (++this.#interim > MAX_INTERIM) throw new MalformedResponse('The server sends only interim responses.');
      return;
    }
    this.head = head;
    const { end } = head;
    if (end === 0) this.#isDone = true;
    else {
      if (end === 'chunked') this.#chunks = new ChunkReader();
      else this.#left = end === 'close' ? Number.POSITIVE_INFINITY : end;
      this.#store = new BodyStore(typeof end === 'number' ? end : undefined, this.#options.takeMemory);
    }
    this.#options.patience.touch();
    this.#answered(head);
  }

  #readBody(bytes: Buffer): number {
    if (bytes.length === 0) return 0;
    const store = this.#store!;
    let used = bytes.length;
    this.#options.patience.received(bytes.length);
    if (this.#failure) return used; // it was too slow
    if (this.#chunks) {
      used = this.#chunks.read(bytes, (data) => store.add(data));
      this.#isDone = this.#chunks.isEnd;
    } else {
      used = Math.min(this.#left, bytes.length);
      store.add(used === bytes.length ? bytes : bytes.subarray(0, used));
      this.#left -= used;
      this.#isDone = this.#left === 0;
    }
    if (this.#isDone || this.#mode === 'streamed' || store.bytes > this.#maxBytes) this.#wakeReader();
    return used;
  }

  /**
   * The server has closed the connection.
   *
   * @returns whether the response was complete
   */
  end(): boolean {
    if (this.head?.end === 'close') this.#isDone = true;
    if (this.#isDone) this.#wakeReader();
    return this.#isDone;
  }

  /** The connection has failed, or is closed: nothing follows. */
  fail(error: unknown): void {
    if (this.#isDone || this.#failure) return;
    this.#failure = { error };
    this.#refused(error);
    this.#wakeReader();
  }

  #wakeReader(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #resume(): void {
    if (!this.#isDone && !this.#failure) this.#options.onResume();
  }

  /**
   * Collects the body to its end.
   *
   * @param maxBytes beyond this, the result is undefined and the rest is not read
   * @throws the error of the connection
   */
  async collect(maxBytes: number): Promise<Uint8Array[] | undefined> {
    const store = this.#store;
    if (!store) return [];
    this.#mode = 'collected';
    this.#maxBytes = maxBytes;
    if (!this.#isDone && !this.#failure && store.bytes <= maxBytes) {
      this.#resume();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#failure) throw this.#failure.error;
    return store.bytes > maxBytes ? undefined : store.take();
  }

  /**
   * The next pieces of a body that is read as it arrives; undefined at its end.
   *
   * @throws the error of the connection
   */
  async next(): Promise<Uint8Array[] | undefined> {
    const store = this.#store;
    if (!store) return undefined;
    this.#mode = 'streamed';
    while (store.bytes === 0) {
      if (this.#failure) throw this.#failure.error;
      if (this.#isDone) return undefined;
      this.#resume();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const pieces = store.take();
    this.#resume();
    return pieces;
  }
}

/** Whether a line ends with LF without a CR. */
function hasBareLf(bytes: Buffer, from: number): boolean {
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (at === from || bytes[at - 1] !== CR) return true;
  }
  return false;
}

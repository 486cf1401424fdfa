/**
 * Reads the bytes of a file on a server: by range requests if the server supports them, otherwise from front
 * to back.
 * In: responses of the server. Out: byte ranges of the file. At most 32 MiB are held in memory.
 */
import { concatBytes } from '@oxbow/media/bytes';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Locate } from '../pull/source-access.ts';
import { afterFailure, type FileContext, type FileReply, requestFile } from './file-request.ts';

/** A remote file. */
export interface FileBytes extends AsyncDisposable {
  /** Size of the file, bytes; undefined if the server does not report it. */
  readonly length: number | undefined;
  /** True: reads at any position. False: only forward, or up to KEPT_BYTES back. */
  readonly ranged: boolean;
  /**
   * Reads a byte range; retries until it succeeds.
   *
   * @param count bytes, at most 64 MiB
   * @returns fewer bytes at the end of the file
   * @throws OxbowError `source-failed` if the file has changed; `unsupported-media` for a position too far
   *   back on a server without
   * ranges; the signal's reason when aborted
   */
  read(at: number, count: number, options: { signal: AbortSignal }): Promise<Uint8Array>;
}

/** Size of one request. */
const BLOCK_BYTES = 4 * 1024 * 1024;
const MAX_BLOCKS = 8;
/** Without ranges: bytes kept after reading, for tracks that are interleaved coarsely. */
const KEPT_BYTES = 24 * 1024 * 1024;

/**
 * Opens the file at the URL of `given.access`.
 *
 * @param outer ends all requests
 * @throws errors of `requestFile`
 */
export async function openFileBytes(
  original: FileContext,
  { signal: outer }: { signal: AbortSignal },
): Promise<FileBytes> {
  const context: FileContext = { ...original, locate: original.locate && shared(original.locate) };
  const controller = new AbortController();
  const signal = AbortSignal.any([outer, controller.signal]);
  const reply = await requestFile({ from: 0, to: BLOCK_BYTES - 1 }, context, { signal });
  if (!reply.ranged) return new StreamedFile(context, reply, controller, signal);
  if (reply.total !== undefined) return new RangedFile(context, reply, reply.total, controller, signal);
  // A server that does not report the size has sent the first range only.
  reply[Symbol.dispose]();
  return new StreamedFile(context, await requestFile({ from: 0 }, context, { signal }), controller, signal);
}

/** Shares one lookup between concurrent requests that find the URL expired. */
function shared(locate: Locate): Locate {
  let finding: ReturnType<typeof locate> | undefined;
  return (options) => {
    finding ??= locate(options).finally(() => {
      finding = undefined;
    });
    return finding;
  };
}

function changed(): OxbowError {
  return new OxbowError('source-failed', 'The file has changed on the server.');
}

/** A file in blocks; each is requested when it or the one before it is read. */
class RangedFile implements FileBytes {
  readonly length: number;
  readonly ranged = true;
  readonly #context: FileContext;
  readonly #version: string;
  readonly #controller: AbortController;
  readonly #signal: AbortSignal;
  /** Least recently used first. */
  readonly #blocks = new Map<number, Promise<Uint8Array>>();

  constructor(
    context: FileContext,
    first: FileReply,
    length: number,
    controller: AbortController,
    signal: AbortSignal,
  ) {
    this.#context = context;
    this.#version = first.version;
    this.length = length;
    this.#controller = controller;
    this.#signal = signal;
    this.#keep(0, this.#fill(0, first));
  }

  async read(at: number, count: number, { signal }: { signal: AbortSignal }): Promise<Uint8Array> {
    const end = Math.min(at + count, this.length);
    const pieces: Uint8Array[] = [];
    for (let from = Math.max(0, at); from < end; ) {
      const index = Math.floor(from / BLOCK_BYTES);
      const block = await this.#block(index);
      signal.throwIfAborted();
      const start = index * BLOCK_BYTES;
      const to = Math.min(end, start + block.length);
      if (to <= from) throw changed();
      pieces.push(block.subarray(from - start, to - start));
      from = to;
    }
    return pieces.length === 1 ? pieces[0]! : concatBytes(pieces);
  }

  #block(index: number): Promise<Uint8Array> {
    const block = this.#blocks.get(index) ?? this.#fill(index);
    this.#keep(index, block);
    // Prefetches the next block.
    const next = index + 1;
    if (next * BLOCK_BYTES < this.length && !this.#blocks.has(next)) this.#keep(next, this.#fill(next));
    return block;
  }

  #keep(index: number, block: Promise<Uint8Array>): void {
    this.#blocks.delete(index);
    this.#blocks.set(index, block);
    // The reader awaits it later; until then a rejection must not count as unhandled. Failures are not
    // cached.
    block.catch(() => this.#blocks.delete(index));
    dropOldest(this.#blocks, MAX_BLOCKS);
  }

  /** Fetches a block; continues at the position of a broken connection. */
  async #fill(index: number, first?: FileReply): Promise<Uint8Array> {
    const start = index * BLOCK_BYTES;
    const bytes = new Uint8Array(Math.min(BLOCK_BYTES, this.length - start));
    let filled = 0;
    for (let attempt = 0; filled < bytes.length; attempt++) {
      const range = { from: start + filled, to: start + bytes.length - 1 };
      using reply = attempt === 0 && first ? first : await requestFile(range, this.#context, { signal: this.#signal });
      if (!reply.ranged || reply.total !== this.length || reply.version !== this.#version) throw changed();
      try {
        for await (const piece of reply.stream()) {
          const part = piece.subarray(0, bytes.length - filled);
          bytes.set(part, filled);
          filled += part.length;
          if (part.length < piece.length) break; // more than requested
        }
        if (filled < bytes.length) throw new OxbowError('source-failed', 'The server sent less than requested.');
      } catch (error) {
        this.#signal.throwIfAborted();
        await afterFailure(error, attempt, this.#context, { signal: this.#signal });
      }
    }
    this.#context.counters.segments(bytes.length);
    return bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#controller.abort(new Error('the file is closed'));
    await Promise.allSettled(this.#blocks.values());
  }
}

/**
 * A file whose server sends all of it or nothing: read once from front to back, and from the front again
 * where a connection breaks.
 */
class StreamedFile implements FileBytes {
  readonly length: number | undefined;
  readonly ranged = false;
  readonly #context: FileContext;
  readonly #version: string;
  readonly #controller: AbortController;
  readonly #signal: AbortSignal;
  #reply: FileReply | undefined;
  #pieces: AsyncIterator<Uint8Array> | undefined;
  /** The last bytes, in order. */
  #kept: Uint8Array[] = [];
  #keptFrom = 0;
  /** Offset of the next byte to receive. */
  #to = 0;
  #ended = false;

  constructor(context: FileContext, reply: FileReply, controller: AbortController, signal: AbortSignal) {
    this.#context = context;
    this.#version = reply.version;
    this.length = reply.total;
    this.#controller = controller;
    this.#signal = signal;
    this.#begin(reply);
  }

  async read(at: number, count: number, { signal }: { signal: AbortSignal }): Promise<Uint8Array> {
    if (at < this.#keptFrom) {
      throw new OxbowError(
        'unsupported-media',
        'The tracks of the file are not interleaved, and its server does not support byte ranges.',
      );
    }
    while (this.#to < at + count && !this.#ended) {
      await this.#more();
      signal.throwIfAborted();
      this.#forget(at);
    }
    return this.#slice(at, Math.min(at + count, this.#to));
  }

  #begin(reply: FileReply): void {
    this.#reply = reply;
    this.#pieces = reply.stream()[Symbol.asyncIterator]();
  }

  /** Reads the next piece; reconnects after failures. */
  async #more(): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        if (!this.#pieces) await this.#reopen();
        const { value, done } = await this.#pieces!.next();
        if (!done) return this.#take(value);
        if (this.length !== undefined && this.#to < this.length) {
          throw new OxbowError('source-failed', 'The server ended before the file did.');
        }
        this.#ended = true;
        return;
      } catch (error) {
        this.#signal.throwIfAborted();
        this.#reply?.[Symbol.dispose]();
        this.#pieces = undefined;
        if (error instanceof OxbowError && error.extra.final) throw error;
        await afterFailure(error, attempt, this.#context, { signal: this.#signal });
      }
    }
  }

  /**
   * Reads again up to the position at which the connection broke; some servers do support a range for that.
   */
  async #reopen(): Promise<void> {
    const reply = await requestFile({ from: this.#to }, this.#context, { signal: this.#signal });
    if (reply.version !== this.#version || (this.length !== undefined && reply.total !== this.length)) {
      reply[Symbol.dispose]();
      throw new OxbowError('source-failed', 'The file has changed on the server.', { extra: { final: true } });
    }
    this.#begin(reply);
    let skip = this.#to - reply.from;
    while (skip > 0) {
      const { value, done } = await this.#pieces!.next();
      if (done) throw new OxbowError('source-failed', 'The server ended before the file did.');
      if (value.length > skip) this.#take(value.subarray(skip));
      skip -= value.length;
    }
  }

  #take(piece: Uint8Array): void {
    this.#kept.push(piece);
    this.#to += piece.length;
    this.#context.counters.segments(piece.length);
  }

  /** Drops bytes that are far before `at`. */
  #forget(at: number): void {
    let drop = 0;
    while (drop < this.#kept.length && this.#keptFrom + this.#kept[drop]!.length < at - KEPT_BYTES) {
      this.#keptFrom += this.#kept[drop++]!.length;
    }
    if (drop > 0) this.#kept.splice(0, drop);
  }

  #slice(at: number, end: number): Uint8Array {
    const slices: Uint8Array[] = [];
    let start = this.#keptFrom;
    for (const piece of this.#kept) {
      if (start >= end) break;
      if (start + piece.length > at) slices.push(piece.subarray(Math.max(0, at - start), end - start));
      start += piece.length;
    }
    return slices.length === 1 ? slices[0]! : concatBytes(slices);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#controller.abort(new Error('the file is closed'));
    this.#reply?.[Symbol.dispose]();
  }
}

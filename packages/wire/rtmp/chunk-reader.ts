/**
 * Chunks to messages: chunk streams may be interleaved, input comes in pieces of any size.
 * In: bytes after the handshake. Out: messages, each in a separate array. RTMP 1.0 specification (Adobe,
 * 2012), 5.3, 5.4.
 */
import { FormatError } from '@oxbow/media/errors';
import { DEFAULT_CHUNK_SIZE, MAX_MESSAGE_BYTES, messageType, type OnMessage } from './message.ts';

/** Longest chunk header: 3 bytes basic header, 11 bytes message header, 4 bytes extended timestamp. */
const MAX_HEADER = 18;
/** Sizes of the message header by format. */
const HEADER_BYTES = [11, 7, 3, 0] as const;
/** A timestamp or delta with this value is in the four bytes after the header. */
const EXTENDED = 0xffffff;
/** Chunk streams of a connection; encoders use less than ten. */
const MAX_CHUNK_STREAMS = 64;
/** Longest control message: a few numbers. */
const MAX_CONTROL_BYTES = 64;
const NOTHING = new Uint8Array(0);

/** Bounds of a reader. */
export interface ChunkLimits {
  /** Largest message, bytes. */
  maxMessageBytes: number;
}

interface ChunkStream {
  readonly id: number;
  timestampMs: number;
  /** Of the last header: added by a message that begins with format 1 to 3. */
  deltaMs: number;
  length: number;
  type: number;
  streamId: number;
  /** The last header with a timestamp had an extended one. */
  isExtended: boolean;
  extended: number;
  /** The message in progress; undefined between messages. */
  body: Uint8Array | undefined;
  /** Bytes of the message so far. */
  filled: number;
  hasHeader: boolean;
}

export class ChunkReader {
  readonly #limits: ChunkLimits;
  readonly #onMessage: OnMessage;
  readonly #streams = new Map<number, ChunkStream>();
  /** Start of a chunk header whose end has not arrived. */
  readonly #header = new Uint8Array(MAX_HEADER);
  #headerBytes = 0;
  #chunkSize = DEFAULT_CHUNK_SIZE;
  /** Chunk stream of the payload in progress. */
  #current: ChunkStream | undefined;
  /** Payload of the chunk in progress that has not arrived, bytes. */
  #left = 0;
  /** Bytes of messages in progress. */
  #pendingBytes = 0;
  /**
   * The peer repeats the extended timestamp in chunks of format 3, as the specification says. Some do not.
   */
  #repeatsExtended = true;
  #totalBytes = 0;

  /**
   * @param limits may be changed while it reads
   * @param onMessage receives messages; what it throws leaves `push`
   */
  constructor(limits: ChunkLimits, onMessage: OnMessage) {
    this.#limits = limits;
    this.#onMessage = onMessage;
  }

  /** Bytes since the start. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  /**
   * Reads bytes.
   *
   * @param bytes a view whose memory is not used after the call
   * @throws FormatError if a header is invalid or a limit is exceeded; the reader cannot be used again
   */
  push(bytes: Uint8Array): void {
    this.#totalBytes += bytes.length;
    this.#read(bytes);
  }

  #read(bytes: Uint8Array): void {
    const end = bytes.length;
    let at = 0;
    while (at < end) {
      if (this.#left > 0) {
        at = this.#readPayload(bytes, at, end);
      } else if (this.#headerBytes > 0) {
        this.#header[this.#headerBytes++] = bytes[at++]!;
        this.#readKeptHeader();
      } else {
        const size = this.#readHeader(bytes, at, end);
        if (size === 0) {
          this.#header.set(bytes.subarray(at, end));
          this.#headerBytes = end - at;
          return;
        }
        at += size;
      }
    }
  }

  /** Reads the header that arrived in pieces. */
  #readKeptHeader(): void {
    const kept = this.#headerBytes;
    const size = this.#readHeader(this.#header, 0, kept);
    if (size === 0) return;
    this.#headerBytes = 0;
    // Bytes that could have been an extended timestamp are payload.
    if (size < kept) this.#read(this.#header.slice(size, kept));
  }

  /**
   * Reads a chunk header.
   *
   * @returns its size, or 0 if it ends after `end`
   */
  #readHeader(bytes: Uint8Array, at: number, end: number): number {
    const first = bytes[at]!;
    const format = first >> 6;
    let id = first & 0x3f;
    let next = at + 1;
    if (id < 2) {
      next += id + 1;
      if (next > end) return 0;
      id = id === 0 ? bytes[at + 1]! + 64 : bytes[at + 1]! + bytes[at + 2]! * 256 + 64;
    }
    const fields = next;
    next += HEADER_BYTES[format]!;
    if (next > end) return 0;
    const stream = this.#streams.get(id) ?? this.#addStream(id);
    if (format === 3) return this.#continue(stream, bytes, at, next, end);

    let time = (bytes[fields]! << 16) | (bytes[fields + 1]! << 8) | bytes[fields + 2]!;
    const isExtended = time === EXTENDED;
    if (isExtended) {
      if (next + 4 > end) return 0;
      time = readU32(bytes, next);
      next += 4;
    }
    if (stream.body)
      throw new FormatError(`a message begins within another one of chunk stream ${id}`, this.#totalBytes);
    // Format 1 first: librtmp begins its chunk stream for pings with it.
    if (!stream.hasHeader && format === 2)
      throw new FormatError(`chunk stream ${id} begins without a header`, this.#totalBytes);
    stream.hasHeader = true;
    stream.isExtended = isExtended;
    stream.extended = time;
    stream.deltaMs = time;
    stream.timestampMs = format === 0 ? time : (stream.timestampMs + time) >>> 0;
    if (format < 2) {
      stream.length = (bytes[fields + 3]! << 16) | (bytes[fields + 4]! << 8) | bytes[fields + 5]!;
      stream.type = bytes[fields + 6]!;
    }
    if (format === 0) {
      stream.streamId =
        (bytes[fields + 7]! | (bytes[fields + 8]! << 8) | (bytes[fields + 9]! << 16) | (bytes[fields + 10]! << 24)) >>>
        0;
    }
    this.#begin(stream);
    return next - at;
  }

  /**
   * Reads the rest of a header of format 3: the next chunk of a message, or a message with the header of the
   * one before.
   */
  #continue(stream: ChunkStream, bytes: Uint8Array, at: number, next: number, end: number): number {
    if (!stream.hasHeader) throw new FormatError(`chunk stream ${stream.id} begins without a header`, this.#totalBytes);
    let after = next;
    if (stream.isExtended && this.#repeatsExtended) {
      if (next + 4 > end) return 0;
      if (readU32(bytes, next) === stream.extended) after += 4;
      else this.#repeatsExtended = false;
    }
    if (stream.body) {
      this.#current = stream;
      this.#left = Math.min(this.#chunkSize, stream.length - stream.filled);
    } else {
      stream.timestampMs = (stream.timestampMs + stream.deltaMs) >>> 0;
      this.#begin(stream);
    }
    return after - at;
  }

  #addStream(id: number): ChunkStream {
    if (this.#streams.size >= MAX_CHUNK_STREAMS)
      throw new FormatError(`more than ${MAX_CHUNK_STREAMS} chunk streams`, this.#totalBytes);
    const stream: ChunkStream = {
      id,
      timestampMs: 0,
      deltaMs: 0,
      length: 0,
      type: 0,
      streamId: 0,
      isExtended: false,
      extended: 0,
      body: undefined,
      filled: 0,
      hasHeader: false,
    };
    this.#streams.set(id, stream);
    return stream;
  }

  /** Begins a message. */
  #begin(stream: ChunkStream): void {
    const { length, type } = stream;
    const limit = type < 8 && type > 0 ? MAX_CONTROL_BYTES : this.#limits.maxMessageBytes;
    if (length > limit)
      throw new FormatError(`an RTMP message of type ${type} with ${length} bytes, limit ${limit}`, this.#totalBytes);
    this.#pendingBytes += length;
    // Audio and video are usually interleaved; a message per chunk stream of the largest size is an attack.
    if (this.#pendingBytes > 2 * Math.max(this.#limits.maxMessageBytes, MAX_CONTROL_BYTES)) {
      throw new FormatError(`${this.#pendingBytes} bytes of incomplete RTMP messages`, this.#totalBytes);
    }
    stream.filled = 0;
    if (length === 0) {
      this.#complete(stream, NOTHING);
      return;
    }
    stream.body = Buffer.allocUnsafe(length);
    this.#current = stream;
    this.#left = Math.min(this.#chunkSize, length);
  }

  /** Copies payload; returns the offset after it. */
  #readPayload(bytes: Uint8Array, at: number, end: number): number {
    const stream = this.#current!;
    const count = Math.min(this.#left, end - at);
    stream.body!.set(at === 0 && count === bytes.length ? bytes : bytes.subarray(at, at + count), stream.filled);
    stream.filled += count;
    this.#left -= count;
    if (stream.filled === stream.length) {
      const body = stream.body!;
      stream.body = undefined;
      this.#complete(stream, body);
    }
    return at + count;
  }

  #complete(stream: ChunkStream, body: Uint8Array): void {
    this.#pendingBytes -= body.length;
    const { type, timestampMs, streamId } = stream;
    if (type === messageType.setChunkSize) this.#setChunkSize(body);
    else if (type === messageType.abort) this.#abort(body);
    else this.#onMessage(type, timestampMs, streamId, body);
  }

  #setChunkSize(body: Uint8Array): void {
    const size = body.length >= 4 ? readU32(body, 0) : 0;
    if (size < 1 || size > 0x7fffffff) throw new FormatError(`RTMP chunk size ${size}`, this.#totalBytes);
    this.#chunkSize = Math.min(size, MAX_MESSAGE_BYTES);
  }

  /** Discards the message in progress of a chunk stream. */
  #abort(body: Uint8Array): void {
    const stream = body.length >= 4 ? this.#streams.get(readU32(body, 0)) : undefined;
    if (!stream?.body) return;
    this.#pendingBytes -= stream.length;
    stream.body = undefined;
  }
}

function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

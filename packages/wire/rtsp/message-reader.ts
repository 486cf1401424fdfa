/**
 * Divides the bytes of an RTSP connection.
 * In: chunks of any length. Out: messages, and packets of media on their channels. RFC 2326 4.4 and 10.12.
 */
import { FormatError } from '@oxbow/media/errors';
import { parseHead, type RtspHead, type RtspMessage } from './message.ts';

/** Longest head of a message, bytes. */
export const MAX_HEAD_BYTES = 32 * 1024;
/** Longest body, bytes: a session description. */
export const MAX_BODY_BYTES = 256 * 1024;
const PACKET_MARK = 0x24;
const PACKET_HEADER_BYTES = 4;
/**
 * Shorter packets are copied, bytes: sound is kept as it came, and would keep the pictures that were read
 * with it.
 */
const COPIED_BYTES = 1024;
const [CR, LF] = [0x0d, 0x0a];

/** Callbacks of the reader. */
interface RtspReaderHandlers {
  message(message: RtspMessage): void;
  /** @param packet may be kept, and then keeps what was read with it if it is a large one */
  packet(channel: number, packet: Uint8Array): void;
}

/** Reads one direction of a connection. */
export class RtspReader {
  readonly #handlers: RtspReaderHandlers;
  /** Bytes that wait for `#wanted` of them. */
  #waiting: Buffer[] = [];
  #length = 0;
  #wanted = 1;
  /** A head whose body has not come yet. */
  #head: RtspHead | undefined;
  #bodyLength = 0;

  constructor(handlers: RtspReaderHandlers) {
    this.#handlers = handlers;
  }

  /**
   * Takes the next bytes.
   *
   * @param chunk may be overwritten after the call
   * @throws FormatError if this is not RTSP, or a message is too long; the reader cannot be used again
   */
  push(chunk: Uint8Array): void {
    this.#length += chunk.length;
    // One copy for all packets of a read: a buffer for each would cost more than the copy.
    this.#waiting.push(Buffer.from(chunk));
    if (this.#length < this.#wanted) return;
    const bytes = this.#waiting.length === 1 ? this.#waiting[0]! : Buffer.concat(this.#waiting);
    let at = 0;
    for (;;) {
      const next = this.#head ? this.#readBody(bytes, at) : this.#readNext(bytes, at);
      if (next === undefined) break;
      at = next;
    }
    this.#length = bytes.length - at;
    this.#waiting = this.#length > 0 ? [bytes.subarray(at)] : [];
  }

  /** Reads a packet or a head. @returns where the next one begins; undefined when bytes are missing */
  #readNext(bytes: Uint8Array, at: number): number | undefined {
    const left = bytes.length - at;
    this.#wanted = 1;
    if (left === 0) return undefined;
    const first = bytes[at]!;
    if (first === CR || first === LF) return at + 1;
    if (first !== PACKET_MARK) return this.#readHead(bytes, at);
    this.#wanted = PACKET_HEADER_BYTES;
    if (left < PACKET_HEADER_BYTES) return undefined;
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    this.#wanted = PACKET_HEADER_BYTES + length;
    if (left < this.#wanted) return undefined;
    const end = at + this.#wanted;
    const packet = bytes.subarray(at + PACKET_HEADER_BYTES, end);
    this.#handlers.packet(bytes[at + 1]!, length < COPIED_BYTES ? Buffer.from(packet) : packet);
    return end;
  }

  #readHead(bytes: Uint8Array, at: number): number | undefined {
    const end = endOfHead(bytes, at);
    if (end === undefined) {
      if (bytes.length - at > MAX_HEAD_BYTES) throw new FormatError('the head of an RTSP message is too long', at);
      this.#wanted = bytes.length - at + 1;
      return undefined;
    }
    this.#head = parseHead(new TextDecoder().decode(bytes.subarray(at, end)).trimEnd());
    const length = Number(this.#head.headers.get('content-length') ?? 0);
    if (!Number.isInteger(length) || length < 0 || length > MAX_BODY_BYTES) {
      throw new FormatError(`a body of ${String(length).slice(0, 20)} bytes`, at);
    }
    this.#bodyLength = length;
    return end;
  }

  #readBody(bytes: Uint8Array, at: number): number | undefined {
    this.#wanted = this.#bodyLength;
    if (bytes.length - at < this.#bodyLength) return undefined;
    const end = at + this.#bodyLength;
    const message = { ...this.#head!, body: bytes.subarray(at, end) };
    this.#head = undefined;
    this.#handlers.message(message);
    return end;
  }
}

/** The offset after the empty line; undefined if it has not come within the longest head. */
function endOfHead(bytes: Uint8Array, at: number): number | undefined {
  const limit = Math.min(bytes.length, at + MAX_HEAD_BYTES);
  for (let end = bytes.indexOf(LF, at); end >= 0 && end < limit; end = bytes.indexOf(LF, end + 1)) {
    if (bytes[end + 1] === LF) return end + 2;
    if (bytes[end + 1] === CR && bytes[end + 2] === LF) return end + 3;
  }
  return undefined;
}

/**
 * Joins the fragments of handshake messages, and puts the messages in order.
 * In: content of handshake records, which anyone on the path may have sent. Out: whole messages. RFC 6347
 * 4.2.2 and 4.2.3.
 */
import { ByteReader } from '@oxbow/media/bytes';
import { FormatError } from '@oxbow/media/errors';
import { type HandshakeMessage, handshakeType } from './handshake-message.ts';

/** Of one message: certificates have about a thousand bytes, a chain with RSA keys a few thousand. */
const MAX_MESSAGE_BYTES = 16 * 1024;
/** Of all messages that are not complete, or not next. */
const MAX_PENDING_BYTES = 32 * 1024;
/** Messages of a flight that may arrive before the next one. */
const MAX_AHEAD = 8;

interface Partial {
  readonly type: number;
  readonly body: Uint8Array;
  /** By byte: 1 where it has arrived. */
  readonly has: Uint8Array;
  missing: number;
}

/** The messages of one peer. */
export class MessageReader {
  #next = 0;
  readonly #partial = new Map<number, Partial>();

  /** Bytes of the messages that are kept, as their headers announce them. */
  get pendingBytes(): number {
    let bytes = 0;
    for (const { body } of this.#partial.values()) bytes += body.length;
    return bytes;
  }

  /**
   * Takes the content of a handshake record.
   *
   * @param isProtected whether the record was encrypted: Finished has to be, and no other message is
   * @returns whether it held a message that had been read before: the peer has sent its flight again
   * @throws FormatError if a fragment is malformed
   */
  add(content: Uint8Array, isProtected: boolean): boolean {
    const reader = new ByteReader(content, 'handshake message');
    let isRepeated = false;
    while (reader.left > 0) {
      const type = reader.u8();
      const length = reader.u24();
      const sequence = reader.u16();
      const at = reader.u24();
      const fragment = reader.take(reader.u24());
      if ((type === handshakeType.finished) !== isProtected) continue;
      if (sequence < this.#next) isRepeated = true;
      else if (sequence < this.#next + MAX_AHEAD) this.#put(type, sequence, length, at, fragment);
    }
    return isRepeated;
  }

  /** The next message, if it is complete; it stays the next one until `accept` or `reject`. */
  peek(): HandshakeMessage | undefined {
    const partial = this.#partial.get(this.#next);
    if (!partial || partial.missing > 0) return undefined;
    return { type: partial.type, sequence: this.#next, body: partial.body };
  }

  /** The next message was right. */
  accept(): void {
    this.#partial.delete(this.#next++);
  }

  /** The next message was not from the peer: the right one may still come. */
  reject(): void {
    this.#partial.delete(this.#next);
  }

  #put(type: number, sequence: number, length: number, at: number, fragment: Uint8Array): void {
    if (length > MAX_MESSAGE_BYTES) throw new FormatError(`a handshake message of ${length} bytes is too long`, 0);
    if (at + fragment.length > length) throw new FormatError('a fragment ends after its handshake message', 0);
    let partial = this.#partial.get(sequence);
    // One of two that contradict each other is forged: the newer one counts, and the peer sends its flight
    // again.
    if (partial?.type !== type || partial.body.length !== length) {
      this.#partial.delete(sequence);
      if (!this.#makeRoom(sequence, length)) return;
      partial = { type, body: new Uint8Array(length), has: new Uint8Array(length), missing: length };
      this.#partial.set(sequence, partial);
    }
    partial.body.set(fragment, at);
    for (let i = at; i < at + fragment.length; i++) {
      if (partial.has[i] === 0) partial.missing--;
      partial.has[i] = 1;
    }
  }

  /** Later messages never keep the next one out. */
  #makeRoom(sequence: number, length: number): boolean {
    if (this.pendingBytes + length <= MAX_PENDING_BYTES) return true;
    if (sequence !== this.#next) return false;
    this.#partial.clear();
    return true;
  }
}

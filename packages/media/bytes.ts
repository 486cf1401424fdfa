/**
 * Reads and writes big-endian binary fields within bounds.
 * In: a Uint8Array. Out: numbers and views. Every overrun is a FormatError with its offset, never a silent
 * zero.
 */
import { FormatError } from './errors.ts';

/** A cursor over bytes; all integers are big-endian. Views it returns share memory with the input. */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly #name: string;
  readonly #view: DataView;
  #at: number;
  readonly #end: number;

  /**
   * @param bytes the input; not copied
   * @param name of the structure, for error messages
   * @param start first byte to read
   * @param end first byte not to read
   */
  constructor(bytes: Uint8Array, name: string, start = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.#name = name;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#end = Math.min(end, bytes.length);
  }

  /** Offset of the next byte, from the start of `bytes`. */
  get offset(): number {
    return this.#at;
  }

  /** Bytes left to read. */
  get left(): number {
    return this.#end - this.#at;
  }

  #take(count: number): number {
    const at = this.#at;
    if (count < 0 || at + count > this.#end) throw new FormatError(`${this.#name} ends early`, at);
    this.#at = at + count;
    return at;
  }

  /** Unsigned 8 bits. */
  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  /** Unsigned 16 bits. */
  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  /** Unsigned 24 bits. */
  u24(): number {
    const at = this.#take(3);
    return (this.#view.getUint16(at) << 8) | this.#view.getUint8(at + 2);
  }

  /** Unsigned 32 bits. */
  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  /** Signed 32 bits. */
  i32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  /** Unsigned 64 bits; throws above 2^53 - 1. */
  u64(): number {
    const at = this.#take(8);
    const value = this.#view.getUint32(at) * 2 ** 32 + this.#view.getUint32(at + 4);
    if (!Number.isSafeInteger(value)) throw new FormatError(`${this.#name}: 64-bit value is too large`, at);
    return value;
  }

  /** Signed 64 bits; throws outside ±(2^53 - 1). */
  i64(): number {
    const at = this.#take(8);
    const value = this.#view.getInt32(at) * 2 ** 32 + this.#view.getUint32(at + 4);
    if (!Number.isSafeInteger(value)) throw new FormatError(`${this.#name}: 64-bit value is too large`, at);
    return value;
  }

  /** IEEE 754 double, 64 bits. */
  f64(): number {
    return this.#view.getFloat64(this.#take(8));
  }

  /** Four characters, as in a box type. */
  fourcc(): string {
    const at = this.#take(4);
    const b = this.bytes;
    return String.fromCharCode(b[at]!, b[at + 1]!, b[at + 2]!, b[at + 3]!);
  }

  /** A view of the next `count` bytes; shares memory. */
  take(count: number): Uint8Array {
    const at = this.#take(count);
    return this.bytes.subarray(at, at + count);
  }

  /** Skips `count` bytes. */
  skip(count: number): void {
    this.#take(count);
  }
}

/** Concatenates byte arrays into a new one. */
export function concatBytes(pieces: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

/** Whether two byte arrays hold the same bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/**
 * Releases the memory of a buffer at once instead of at the next collection. All views of it become empty:
 * only for the sole owner of the buffer, and not during a read or write.
 */
export function freeBytes({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
}

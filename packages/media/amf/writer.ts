/**
 * Collects the bytes of AMF values.
 * In: big-endian fields. Out: one array. Pure.
 */

const utf8 = new TextEncoder();

/** Bytes that grow. */
export class AmfWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  #reserve(count: number): number {
    const at = this.#length;
    const needed = at + count;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#length = needed;
    return at;
  }

  /** Unsigned 8 bits. */
  u8(value: number): void {
    const at = this.#reserve(1);
    this.#view.setUint8(at, value);
  }

  /** Unsigned 16 bits. */
  u16(value: number): void {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value);
  }

  /** Unsigned 32 bits. */
  u32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value);
  }

  /** IEEE 754 double, 64 bits. */
  f64(value: number): void {
    const at = this.#reserve(8);
    this.#view.setFloat64(at, value);
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** UTF-8 of a text, not yet written. */
  encode(text: string): Uint8Array {
    return utf8.encode(text);
  }

  /** All bytes so far, in an array of exactly that length. */
  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}

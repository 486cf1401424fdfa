/**
 * Reads and writes fields of single bits, with the Exp-Golomb codes of H.264 and HEVC.
 * In: bytes without emulation prevention. Out: numbers. Every overrun is a FormatError with its byte offset.
 * Exp-Golomb: ITU-T H.264, 9.1.
 */
import { FormatError } from './errors.ts';

/** A cursor over bits, most significant bit first. */
export class BitReader {
  readonly #bytes: Uint8Array;
  readonly #name: string;
  readonly #end: number;
  #at: number;

  /**
   * @param bytes the input; not copied
   * @param name of the structure, for error messages
   * @param start first byte to read
   * @param end first byte not to read
   */
  constructor(bytes: Uint8Array, name: string, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#name = name;
    this.#at = start * 8;
    this.#end = Math.min(end, bytes.length) * 8;
  }

  /** Offset of the next bit, counted from the first bit of the bytes. */
  get offset(): number {
    return this.#at;
  }

  /** Bits left to read. */
  get left(): number {
    return this.#end - this.#at;
  }

  /** Unsigned integer of `count` bits, 0 to 32. */
  u(count: number): number {
    if (count > this.#end - this.#at) this.#fail('ends early');
    let value = 0;
    let at = this.#at;
    let left = count;
    while (left > 0) {
      const free = 8 - (at & 7);
      const take = Math.min(left, free);
      const piece = (this.#bytes[at >> 3]! >> (free - take)) & ((1 << take) - 1);
      value = value * 2 ** take + piece;
      at += take;
      left -= take;
    }
    this.#at = at;
    return value;
  }

  /** The next `count` bits, 0 to 32; they are read again. */
  peek(count: number): number {
    const at = this.#at;
    const value = this.u(count);
    this.#at = at;
    return value;
  }

  /** One bit. */
  flag(): boolean {
    return this.u(1) === 1;
  }

  /** Skips `count` bits, 0 or more. */
  skip(count: number): void {
    if (count > this.#end - this.#at) this.#fail('ends early');
    this.#at += count;
  }

  /** Skips to the next byte boundary. */
  align(): void {
    this.#at = (this.#at + 7) & ~7;
  }

  /** ue(v): 0 to 2^32 - 2. */
  ue(): number {
    let zeros = 0;
    while (this.u(1) === 0) {
      zeros++;
      if (zeros > 31) this.#fail('has an Exp-Golomb code of more than 32 bits');
    }
    return 2 ** zeros - 1 + this.u(zeros);
  }

  /** ue(v) that must not be greater than `max`; `name` is the field in the error. */
  ueMax(max: number, name: string): number {
    const value = this.ue();
    if (value > max) this.#fail(`has ${name} ${value}, more than ${max}`);
    return value;
  }

  /** se(v): -(2^31 - 1) to 2^31 - 1. */
  se(): number {
    const code = this.ue();
    return code % 2 === 1 ? (code + 1) / 2 : 0 - code / 2;
  }

  #fail(why: string): never {
    throw new FormatError(`${this.#name} ${why}`, this.#at >> 3);
  }
}

/** Collects bits, most significant bit first. */
export class BitWriter {
  readonly #bytes: number[] = [];
  #bits = 0;

  /** Bits written so far. */
  get length(): number {
    return this.#bits;
  }

  /** Appends the low `count` bits of `value`, 0 to 32 bits. */
  u(value: number, count: number): this {
    for (let bit = count - 1; bit >= 0; bit--) {
      const at = this.#bits >> 3;
      if ((this.#bits & 7) === 0) this.#bytes.push(0);
      if ((value >>> bit) & 1) this.#bytes[at]! |= 0x80 >> (this.#bits & 7);
      this.#bits++;
    }
    return this;
  }

  /** The bytes written, the last one filled with zero bits. */
  finish(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

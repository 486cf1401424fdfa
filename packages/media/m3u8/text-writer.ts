/**
 * Gathers text as bytes: a playlist of a day has 43,200 segments, and as a string it would be joined of half
 * a million pieces.
 * In: pieces of text. Out: UTF-8. Pure.
 */

const BLOCK_BYTES = 64 * 1024;
const ZERO = 48;
const NEW_LINE = 10;

/** Grows as it is written to. */
export class TextWriter {
  readonly #encoder = new TextEncoder();
  readonly #full: Uint8Array[] = [];
  #block = new Uint8Array(1024);
  #at = 0;

  /** Appends a line. */
  line(line: string): void {
    this.text(line);
    this.newLine();
  }

  /** Appends a text. */
  text(text: string): void {
    this.#reserve(text.length);
    const block = this.#block;
    const start = this.#at;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) {
        this.raw(this.#encoder.encode(text));
        return;
      }
      block[start + i] = code;
    }
    this.#at = start + text.length;
  }

  /** Appends bytes; few. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    const block = this.#block;
    const start = this.#at;
    for (let i = 0; i < bytes.length; i++) block[start + i] = bytes[i]!;
    this.#at = start + bytes.length;
  }

  /**
   * Appends a whole number with leading zeros.
   *
   * @param value 0 or more, of at most `digits` digits
   */
  digits(value: number, digits: number): void {
    this.#reserve(digits);
    let left = value;
    for (let at = this.#at + digits - 1; at >= this.#at; at--) {
      this.#block[at] = ZERO + (left % 10);
      left = Math.floor(left / 10);
    }
    this.#at += digits;
  }

  /** Ends the line. */
  newLine(): void {
    this.#reserve(1);
    this.#block[this.#at++] = NEW_LINE;
  }

  /** `head` and the written text. */
  finish(head: TextWriter): Uint8Array {
    const blocks = [...head.#blocks(), ...this.#blocks()];
    const whole = new Uint8Array(blocks.reduce((sum, block) => sum + block.length, 0));
    let at = 0;
    for (const block of blocks) {
      whole.set(block, at);
      at += block.length;
    }
    return whole;
  }

  #blocks(): Uint8Array[] {
    return [...this.#full, this.#block.subarray(0, this.#at)];
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#block.length) return;
    this.#full.push(this.#block.subarray(0, this.#at));
    this.#block = new Uint8Array(Math.max(BLOCK_BYTES, count));
    this.#at = 0;
  }
}

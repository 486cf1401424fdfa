/**
 * The body of a response while it arrives.
 * In: bytes that are overwritten after the call. Out: copies, in one buffer where the length is known.
 */

/**
 * A body whose length is announced is stored in one buffer up to this size, bytes: an announcement takes no
 * more.
 */
const MAX_WHOLE_BYTES = 4 * 1024 * 1024;
/** Smallest and largest buffer of a body of unknown or greater length, bytes. */
const MIN_PIECE_BYTES = 1024;
const MAX_PIECE_BYTES = 256 * 1024;

/** Returns memory for a part of a body: the number of bytes, whose content is undefined. */
export type TakeMemory = (bytes: number) => Uint8Array;

const takeNew: TakeMemory = (bytes) => Buffer.allocUnsafeSlow(bytes);

/** Each byte is copied once; a buffer is taken when its first byte arrives. */
export class BodyStore {
  readonly #takeMemory: TakeMemory;
  /** Announced bytes that have no buffer yet; undefined: not announced. */
  #expected: number | undefined;
  #pieces: Uint8Array[] = [];
  /** The last buffer, which is not full. */
  #open: Uint8Array | undefined;
  #used = 0;
  /** Bytes stored and not taken. */
  bytes = 0;

  /** @param length announced bytes; undefined: not announced */
  constructor(length: number | undefined, takeMemory: TakeMemory = takeNew) {
    this.#expected = length;
    this.#takeMemory = takeMemory;
  }

  /** Copies bytes. */
  add(bytes: Uint8Array): void {
    let rest = bytes;
    this.bytes += rest.length;
    while (rest.length > 0) {
      this.#open ??= this.#nextBuffer(rest.length);
      const room = this.#open.length - this.#used;
      const now = rest.length > room ? rest.subarray(0, room) : rest;
      this.#open.set(now, this.#used);
      this.#used += now.length;
      if (this.#used === this.#open.length) this.#close();
      rest = rest.subarray(now.length);
    }
  }

  /**
   * The rest of the last buffer, into which the next bytes may be read; undefined if there is none. It is
   * valid until the next call of another method.
   */
  get room(): Uint8Array | undefined {
    return this.#open?.subarray(this.#used);
  }

  /** Bytes have been read into `room`. */
  filled(bytes: number): void {
    this.bytes += bytes;
    this.#used += bytes;
    if (this.#used === this.#open!.length) this.#close();
  }

  #nextBuffer(atLeast: number): Uint8Array {
    this.#used = 0;
    const expected = this.#expected;
    if (expected !== undefined && expected <= MAX_WHOLE_BYTES) {
      this.#expected = 0;
      return this.#takeMemory(Math.max(expected, atLeast));
    }
    const size = Math.min(MAX_PIECE_BYTES, Math.max(MIN_PIECE_BYTES, atLeast, this.bytes));
    if (expected === undefined) return takeNew(size);
    this.#expected = expected - Math.min(expected, MAX_PIECE_BYTES);
    return this.#takeMemory(Math.min(expected, MAX_PIECE_BYTES));
  }

  #close(): void {
    const open = this.#open;
    if (!open) return;
    if (this.#used > 0) this.#pieces.push(this.#used === open.length ? open : open.subarray(0, this.#used));
    this.#open = undefined;
    this.#used = 0;
  }

  /** Takes what is stored so far; what follows is stored in other buffers. */
  take(): Uint8Array[] {
    this.#close();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.bytes = 0;
    return pieces;
  }
}

/**
 * Combines small writes of a file.
 * In: bytes in order. Out: fewer, larger writes.
 */

/** Smaller writes are combined, bytes. */
const WRITE_BYTES = 1024 * 1024;

/** Buffers writes; `flush` ends it. */
export class WriteBuffer {
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #length = 0;

  constructor(write: (bytes: Uint8Array) => Promise<void>) {
    this.#write = write;
  }

  /** Bytes written and buffered so far. */
  get length(): number {
    return this.#length;
  }

  /** Adds bytes; writes when there are enough. */
  async add(bytes: Uint8Array): Promise<void> {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#length += bytes.length;
    if (this.#waitingBytes >= WRITE_BYTES) await this.flush();
  }

  /** Writes the rest. */
  async flush(): Promise<void> {
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (bytes.length > 0) await this.#write(bytes);
  }
}

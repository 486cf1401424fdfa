/**
 * The first bytes of a client. Another process of the server reads them again when it continues with the
 * connection.
 * In: bytes as they are read. Out: all of them.
 */

/**
 * Most bytes that are kept: of RTMP the handshake, its largest command and one read. A client that sends more
 * stays with this process.
 */
const MAX_BYTES = 144 * 1024;

export class FirstBytes {
  #pieces: Uint8Array[] | undefined = [];
  #length = 0;

  /** Whether all bytes of the client are here. */
  get areAll(): boolean {
    return this.#pieces !== undefined;
  }

  /** @param bytes copied */
  add(bytes: Uint8Array): void {
    if (!this.#pieces) return;
    this.#length += bytes.length;
    if (this.#length > MAX_BYTES) this.drop();
    else this.#pieces.push(Uint8Array.from(bytes));
  }

  /** Keeps no bytes any more: the client stays with this process. */
  drop(): void {
    this.#pieces = undefined;
  }

  toBase64(): string {
    return Buffer.concat(this.#pieces ?? []).toString('base64');
  }
}

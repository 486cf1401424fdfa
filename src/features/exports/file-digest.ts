/**
 * The digest of a file while it is written, for evidence that is not in it.
 * In: bytes in order. Out: a digest. docs/5-record/evidence.md, "Sidecar".
 */
import { createHash } from 'node:crypto';
import { DIGEST_BLOCK } from '@oxbow/media/evidence/sidecar';

export class FileDigest {
  readonly #all = createHash('sha256');
  #block = createHash('sha256');
  #bytes = 0;

  /** Adds bytes; they are not kept. */
  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const room = DIGEST_BLOCK - this.#bytes;
      const piece = bytes.subarray(at, at + room);
      this.#block.update(piece);
      this.#bytes += piece.length;
      at += piece.length;
      if (this.#bytes === DIGEST_BLOCK) this.#next();
    }
  }

  /** The digest, base64url. Called once. */
  finish(): string {
    if (this.#bytes > 0) this.#next();
    return this.#all.digest('base64url');
  }

  #next(): void {
    this.#all.update(this.#block.digest());
    this.#block = createHash('sha256');
    this.#bytes = 0;
  }
}

/**
 * The running SHA-256 of each upload that this process receives. One that is not here is computed again from
 * the start of the file.
 * In: positions. Out: hashes. Bounded: the least recently used is given up.
 */
import { originalLocation } from '../../archive/asset-locations.ts';
import type { UploadDigest, UploadStore } from '../../archive/upload-store.ts';
import type { Upload } from './upload.ts';

const MAX_DIGESTS = 256;

export class UploadDigests implements Disposable {
  readonly #store: Pick<UploadStore, 'digest'>;
  /** Least recently used first. */
  readonly #open = new Map<string, UploadDigest>();

  constructor(store: Pick<UploadStore, 'digest'>) {
    this.#store = store;
  }

  /** The digest of an upload. */
  of({ id, assetId }: Pick<Upload, 'id' | 'assetId'>): UploadDigest {
    const digest = this.#open.get(id) ?? this.#store.digest(originalLocation(assetId));
    this.#open.delete(id);
    this.#open.set(id, digest);
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= MAX_DIGESTS) break;
      this.drop(oldest);
    }
    return digest;
  }

  /** SHA-256 of the whole file, hex. */
  async result(upload: Pick<Upload, 'id' | 'assetId'>, length: number): Promise<string> {
    const digest = this.of(upload);
    digest.reach(length);
    try {
      return await digest.result(length);
    } finally {
      this.drop(upload.id);
    }
  }

  /** Ends a digest. */
  drop(id: string): void {
    this.#open.get(id)?.[Symbol.dispose]();
    this.#open.delete(id);
  }

  [Symbol.dispose](): void {
    for (const id of [...this.#open.keys()]) this.drop(id);
  }
}

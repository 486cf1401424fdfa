/**
 * The running SHA-256 of each upload that this process receives. One that is not here is computed again from
 * the start of the file.
 * In: positions. Out: hashes. Bounded: the least recently used is given up.
 */
import { originalLocation } from '../../archive/asset-locations.ts';
import type { UploadDigest } from '../../archive/upload-store.ts';
import type { Upload } from './upload.ts';
import type { UploadStores } from './upload-stores.ts';

const MAX_DIGESTS = 256;

export class UploadDigests implements Disposable {
  readonly #stores: Pick<UploadStores, 'of'>;
  /** Least recently used first. */
  readonly #open = new Map<string, UploadDigest>();

  constructor(stores: Pick<UploadStores, 'of'>) {
    this.#stores = stores;
  }

  /** The digest of an upload. */
  of(upload: Pick<Upload, 'id' | 'assetId' | 'target'>): UploadDigest {
    const { id, assetId } = upload;
    const digest = this.#open.get(id) ?? this.#stores.of(upload).digest(originalLocation(assetId));
    this.#open.delete(id);
    this.#open.set(id, digest);
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= MAX_DIGESTS) break;
      this.drop(oldest);
    }
    return digest;
  }

  /** SHA-256 of the whole file, hex. */
  async result(upload: Pick<Upload, 'id' | 'assetId' | 'target'>, length: number): Promise<string> {
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

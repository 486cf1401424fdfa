/**
 * Where the bytes of uploads are: in the data folder, or in a bucket as they come.
 * In: uploads. Out: their store. docs/decisions/0100.
 */
import type { UploadStore } from '../../archive/upload-store.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Upload } from './upload.ts';

export interface UploadStoresOptions {
  /** The data folder. */
  readonly store: UploadStore;
  /** The buckets; undefined: the settings have none. */
  readonly staging?: UploadStore | undefined;
  /** Name of the object store that new uploads go to; undefined: the data folder. */
  readonly stagingTarget?: (() => string | undefined) | undefined;
}

export class UploadStores {
  readonly #options: UploadStoresOptions;

  constructor(options: UploadStoresOptions) {
    this.#options = options;
  }

  /** Of a new upload; undefined: the data folder. */
  get target(): string | undefined {
    return this.#options.staging && this.#options.stagingTarget?.();
  }

  /**
   * The store of an upload.
   *
   * @throws OxbowError `storage-failed` if its object store was removed from the settings
   */
  of({ target }: Pick<Upload, 'target'>): UploadStore {
    const { store, staging } = this.#options;
    if (target === undefined) return store;
    if (staging) return staging;
    throw new OxbowError('storage-failed', `The upload is in the object store ${target}, and the settings have none.`);
  }
}

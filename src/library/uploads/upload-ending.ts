/**
 * The ends of uploads: complete, failed, forgotten.
 * In: uploads of which all bytes are on the disk, failures. Out: originals of assets; reports to AssetIntake,
 * events, counters.
 */
import { originalLocation } from '../../archive/asset-locations.ts';
import { UploadLostError } from '../../archive/upload-store.ts';
import type { Placement } from '../../cluster/placement/placement.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Current } from '../../lib/current.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { AssetFailure, AssetIntake } from '../asset.ts';
import { type Upload, unknownUpload } from './upload.ts';
import type { UploadDigests } from './upload-digests.ts';
import { lockOf, type UploadLock } from './upload-locks.ts';
import type { UploadProgress } from './upload-progress.ts';
import type { UploadStores } from './upload-stores.ts';
import type { UploadTable } from './upload-table.ts';

/** What became of an upload, for metrics. */
export type UploadResult = 'complete' | 'cancelled' | 'expired' | 'refused';

/** The options of the ends; see UploadsOptions. */
interface UploadEndingOptions {
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly intake: Pick<AssetIntake, 'complete' | 'fail'>;
  readonly counters: { ended(result: UploadResult): void };
  readonly settings: Current<{ readonly library: { readonly uploadExpiry: number } }>;
  readonly placement?: Pick<Placement, 'forget'>;
}

/** What knows of uploads until they end. */
interface UploadTraces {
  readonly table: UploadTable;
  readonly digests: UploadDigests;
  readonly progress: UploadProgress;
  readonly stores: Pick<UploadStores, 'of'>;
}

export class UploadEnding {
  readonly #options: UploadEndingOptions;
  readonly #table: UploadTable;
  readonly #digests: UploadDigests;
  readonly #progress: UploadProgress;
  readonly #stores: Pick<UploadStores, 'of'>;

  constructor(options: UploadEndingOptions, { table, digests, progress, stores }: UploadTraces) {
    this.#options = options;
    this.#table = table;
    this.#digests = digests;
    this.#progress = progress;
    this.#stores = stores;
  }

  /**
   * All bytes are on the disk: compares the hash, names the file, reports. Each step may be repeated after a
   * crash.
   */
  async finish(upload: Upload, lock: UploadLock): Promise<Upload> {
    const { id, assetId, received: bytes } = upload;
    const { intake, counters } = this.#options;
    if (upload.state === 'open') {
      if (!(await this.#table.change(id, { state: 'completing', length: bytes }, lock.fence))) throw unknownUpload(id);
    }
    const sha256 = await this.#digests.result(upload, bytes);
    if (upload.sha256 !== undefined && sha256 !== upload.sha256) {
      const detail = `The file has the SHA-256 ${sha256}, and ${upload.sha256} was announced.`;
      await this.fail(upload, { code: 'checksum-mismatch', detail }, lock, 'refused');
      throw new OxbowError('checksum-mismatch', detail, {
        extra: { resumeOffset: 0, hint: 'The upload is deleted. Begin a new one.' },
      });
    }
    await this.#stores.of(upload).finish(originalLocation(assetId), bytes);
    await intake.complete(assetId, { bytes, sha256 });
    await this.#table.change(id, { state: 'complete' }, undefined);
    this.#progress.report(upload, bytes, true);
    this.#progress.forget(id);
    counters.ended('complete');
    return { ...upload, state: 'complete', length: bytes };
  }

  /**
   * Ends an upload without its file: what arrived is deleted, and its asset fails.
   *
   * @param lock undefined: without one
   */
  async fail(upload: Upload, failure: AssetFailure, lock: UploadLock | undefined, result: UploadResult): Promise<void> {
    const { intake, counters, clock, settings } = this.#options;
    const { id, assetId } = upload;
    // Known as failed for as long as it would have been open, so that its client gets the reason.
    const expiresMs = clock.nowMs() + settings.now.library.uploadExpiry;
    if (!(await this.#table.change(id, { state: 'failed', failure, expiresMs }, lock?.fence))) return;
    this.#digests.drop(id);
    this.#progress.forget(id);
    await this.#stores.of(upload).discard(originalLocation(assetId));
    await intake.fail(assetId, failure);
    counters.ended(result);
  }

  /**
   * What an operation threw. If the bucket has lost bytes of the upload, it begins again.
   *
   * @param lock undefined: without one
   */
  async lostOr(error: unknown, upload: Upload, lock: UploadLock | undefined): Promise<unknown> {
    if (!(error instanceof UploadLostError)) return error;
    this.#digests.drop(upload.id);
    await this.#table.restart(upload.id, lock?.fence);
    await this.#stores.of(upload).discard(originalLocation(upload.assetId));
    return new OxbowError('upload-offset', 'The object store has lost bytes of this upload: it begins again.', {
      cause: error,
      extra: { resumeOffset: 0 },
    });
  }

  /** Discards what arrived of an upload whose asset is gone. */
  async discard(upload: Upload): Promise<void> {
    await this.#stores.of(upload).discard(originalLocation(upload.assetId));
  }

  /** Forgets an upload. Its asset, and the files of it, stay. */
  async remove(id: string): Promise<void> {
    await this.#table.remove(id, lockOf(id));
    await this.#options.placement?.forget('upload', id);
  }
}

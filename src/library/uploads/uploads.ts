/**
 * The uploads of the library: listed, continued, completed and cancelled. Their state is only in the database
 * and on the disk, so that any process can continue one.
 * In: requests of http/uploads. Out: originals of assets; reports to AssetIntake; events, counters.
 * docs/6-library/upload.md.
 */
import type { Readable } from 'node:stream';
import type { Kysely } from 'kysely';
import { may } from '../../accounts/permissions.ts';
import type { EventBus } from '../../cluster/bus/event-bus.ts';
import type { LeaseStore } from '../../cluster/lease/lease.ts';
import { Leases } from '../../cluster/lease/lease.ts';
import type { Placement } from '../../cluster/placement/placement.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Current } from '../../lib/current.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Tables } from '../../store/schema.ts';
import type { AssetIntake } from '../asset.ts';
import type { Checksum } from './checksum.ts';
import { refuseFailed, type Upload, type Uploader, unknownUpload, wrongOffset } from './upload.ts';
import type { UploadCreation } from './upload-creation.ts';
import type { UploadDigests } from './upload-digests.ts';
import type { UploadEnding, UploadResult } from './upload-ending.ts';
import { lockOf, type UploadLock, UploadLocks } from './upload-locks.ts';
import type { UploadParts } from './upload-parts.ts';
import type { UploadProgress } from './upload-progress.ts';
import type { UploadStores, UploadStoresOptions } from './upload-stores.ts';
import type { UploadTable } from './upload-table.ts';
import { type ChunkStored, storeBytes, storeChunk, type WriteContext } from './write-upload.ts';

/** What uploads report for metrics. */
interface UploadCounters {
  /** Bytes were stored. */
  bytes(count: number): void;
  /** Requests that store bytes now: one more, or one less. */
  receiving(change: 1 | -1): void;
  ended(result: UploadResult): void;
}

/** Dependencies of uploads. */
export interface UploadsOptions extends UploadStoresOptions {
  readonly db: Kysely<Tables>;
  readonly clock: Clock;
  readonly leases: LeaseStore;
  readonly intake: AssetIntake;
  readonly events: Pick<EventBus, 'publish'>;
  readonly settings: Current<{
    readonly library: {
      readonly maxUpload: number | undefined;
      readonly uploadExpiry: number;
      readonly parallelUploads: number;
    };
  }>;
  /** Bytes that may still be stored before the disk is too full. */
  readonly room: () => number;
  readonly counters: UploadCounters;
  /** Receives errors that no request waits for. */
  readonly failed: (error: unknown) => void;
  /** This process, for people who look at a lock; in a cluster the same after a restart. */
  readonly holder: string;
  /** Who owns which upload; by default this process. */
  readonly placement?: Pick<Placement, 'node' | 'claim' | 'forget'>;
  /** Fires when the process ends: requests that store bytes end, and the stored bytes count. */
  readonly signal: AbortSignal;
}

/** What uploads are built of. */
interface UploadsTools {
  readonly table: UploadTable;
  readonly parts: UploadParts;
  readonly creation: Pick<UploadCreation, 'checkLength'>;
  /** Disposed with the uploads. */
  readonly digests: UploadDigests;
  readonly progress: UploadProgress;
  readonly ending: UploadEnding;
  readonly stores: UploadStores;
}

/** Uploads that one list has. */
const MAX_LISTED = 1000;
/** Bytes of a file of unknown length are reserved in such steps. */
const GROW_BYTES = 64 * 1024 * 1024;

export class Uploads implements Disposable {
  readonly #options: UploadsOptions;
  readonly #table: UploadTable;
  readonly #parts: UploadParts;
  readonly #creation: Pick<UploadCreation, 'checkLength'>;
  readonly #ending: UploadEnding;
  readonly #stores: UploadStores;
  readonly #locks: UploadLocks;
  readonly #digests: UploadDigests;
  readonly #progress: UploadProgress;
  /** Requests that store bytes. */
  #receiving = 0;
  /** Requests that store bytes of an upload, to be ended when it is. */
  readonly #running = new Map<string, Set<AbortController>>();

  constructor(options: UploadsOptions, tools: UploadsTools) {
    const { table, parts, creation, digests, progress, ending, stores } = tools;
    this.#options = options;
    const { leases, clock, failed, holder } = options;
    this.#locks = new UploadLocks(new Leases({ store: leases, clock, failed }), holder);
    this.#table = table;
    this.#parts = parts;
    this.#creation = creation;
    this.#digests = digests;
    this.#progress = progress;
    this.#ending = ending;
    this.#stores = stores;
  }

  /** Bytes that a file may have; undefined: no limit. */
  get maxBytes(): number | undefined {
    return this.#options.settings.now.library.maxUpload;
  }

  /** How long an upload may be without new bytes, ms. */
  get expiryMs(): number {
    return this.#options.settings.now.library.uploadExpiry;
  }

  /**
   * An upload, also one that failed or is complete.
   *
   * @throws OxbowError `upload-unknown`, also for one of another owner
   */
  async get(id: string, who: Uploader): Promise<Upload> {
    const upload = await this.#table.find(id);
    if (!upload || !may(who, 'change', upload)) throw unknownUpload(id);
    return upload;
  }

  /** Uploads that did not expire, newest first: those of the owner, or all for an administrator. */
  list(who: Uploader): Promise<Upload[]> {
    return this.#table.list(may(who, 'changeAll') ? undefined : who.owner, MAX_LISTED);
  }

  /** Offsets of the chunks that are stored, in order. */
  chunksOf({ id }: Upload): Promise<number[]> {
    return this.#parts.offsets(id);
  }

  /**
   * Takes the lock under which bytes are appended, or the upload is cancelled.
   *
   * @throws OxbowError `upload-locked`
   */
  lock(id: string, options: { readonly signal: AbortSignal }): Promise<UploadLock> {
    return this.#locks.take(lockOf(id), options);
  }

  /**
   * Sets the length of an upload that began without one.
   *
   * @throws OxbowError `bad-request`, `upload-too-large`, `no-room`, `quota-exceeded`
   */
  async declareLength(upload: Upload, length: number, { fence }: UploadLock): Promise<Upload> {
    if (upload.length !== undefined || length < upload.received) {
      throw new OxbowError('bad-request', `The upload cannot have a length of ${length} bytes any more.`);
    }
    const { target } = upload;
    await this.#creation.checkLength(length, { missing: length - upload.received, target });
    await this.#options.intake.grows(upload.assetId, length);
    await this.#table.change(upload.id, { length }, fence);
    return { ...upload, length };
  }

  /**
   * Stores the body of a request from `offset` on; completes the upload with its last byte.
   *
   * @param how.checksum of the body: without agreement nothing of it counts
   * @param how.isWhole the body is the rest of the file, so its end is the length
   * @returns the upload as it is then
   * @throws OxbowError `upload-offset`, `upload-incomplete`, `upload-too-large`, `upload-locked`,
   *   `checksum-mismatch`, `no-room`, `quota-exceeded`, `unsupported-media`, `busy`, `disk-failed`; all with
   *   `resumeOffset`
   */
  async append(
    id: string,
    lock: UploadLock,
    offset: number,
    body: Readable,
    how: { readonly checksum?: Checksum | undefined; readonly isWhole?: boolean },
  ): Promise<Upload> {
    const upload = await this.#unfinished(id);
    if (upload.state === 'complete' || offset !== upload.received) throw wrongOffset(offset, upload);
    if (upload.chunkBytes !== undefined) {
      throw new OxbowError('bad-request', 'This upload arrives in chunks: continue it at /api/v1/upload/chunk.');
    }
    const received = await this.#whileReceiving(upload, lock, (context) =>
      storeBytes(context, upload, lock, body, how),
    );
    const length = upload.length ?? (how.isWhole ? received : undefined);
    if (received !== length) return { ...upload, received };
    return this.#finish({ ...upload, length, received }, lock);
  }

  /**
   * Stores a chunk. A chunk that is stored already is compared and not written again.
   *
   * @param number from 1
   * @throws OxbowError as `append`; `chunk-differs` if another content is stored under this number
   */
  async putChunk(
    upload: Upload & { readonly length: number; readonly chunkBytes: number },
    number: number,
    body: Readable,
    { checksum, signal }: { readonly checksum: Checksum | undefined; readonly signal: AbortSignal },
  ): Promise<ChunkStored> {
    refuseFailed(upload);
    await using lock = await this.#locks.take(`${lockOf(upload.id)}/${number}`, { signal });
    return await this.#whileReceiving(upload, lock, (context) =>
      storeChunk(context, upload, number, body, { checksum, lock }),
    );
  }

  /**
   * Completes an upload of which every byte is stored. May be repeated.
   *
   * @throws OxbowError `upload-incomplete` with `resumeOffset`; `checksum-mismatch`; `upload-locked`
   */
  async complete(id: string, options: { readonly signal: AbortSignal }): Promise<Upload> {
    await using lock = await this.lock(id, options);
    const upload = await this.#unfinished(id);
    if (upload.state === 'complete') return upload;
    if (upload.received !== upload.length) {
      throw new OxbowError(
        'upload-incomplete',
        `${upload.received} of ${upload.length ?? 'an unknown number of'} bytes have arrived without a hole.`,
        { extra: { resumeOffset: upload.received } },
      );
    }
    return await this.#finish(upload, lock);
  }

  /**
   * Completes an upload of which the last byte is stored, but the request that stored it could not complete
   * it. Another one is returned as it is.
   *
   * @throws OxbowError `checksum-mismatch`
   */
  async completeStored(upload: Upload, lock: UploadLock): Promise<Upload> {
    const { state, chunkBytes, received, length } = upload;
    const isStored = state === 'completing' || (state === 'open' && chunkBytes === undefined && received === length);
    return isStored ? this.#finish(upload, lock) : upload;
  }

  /**
   * Ends an upload: what arrived is deleted, and its asset fails. Of a complete one only the upload is
   * forgotten.
   */
  async cancel(id: string, lock: UploadLock): Promise<void> {
    const upload = await this.#table.find(id);
    if (!upload) return;
    if (upload.state === 'complete') return this.#ending.remove(id);
    const failure = { code: 'upload-cancelled', detail: 'The upload was cancelled.' };
    await this.#ending.fail(upload, failure, lock, 'cancelled');
  }

  /** The asset is gone: its upload ends. Its files are deleted by the library. */
  async assetRemoved(assetId: string): Promise<void> {
    const upload = await this.#table.ofAsset(assetId);
    if (!upload) return;
    for (const running of this.#running.get(upload.id) ?? []) {
      running.abort(new OxbowError('upload-cancelled', 'The asset was deleted.'));
    }
    this.#digests.drop(upload.id);
    await this.#ending.remove(upload.id);
    await this.#ending.discard(upload);
  }

  [Symbol.dispose](): void {
    this.#digests[Symbol.dispose]();
  }

  async #unfinished(id: string): Promise<Upload> {
    const upload = await this.#table.find(id);
    if (!upload) throw unknownUpload(id);
    refuseFailed(upload);
    return upload;
  }

  async #finish(upload: Upload, lock: UploadLock): Promise<Upload> {
    try {
      return await this.#ending.finish(upload, lock);
    } catch (error) {
      throw await this.#ending.lostOr(error, upload, lock);
    }
  }

  /** Counts a request that stores bytes, and fails the upload if its content is refused. */
  async #whileReceiving<T>(upload: Upload, lock: UploadLock, store: (context: WriteContext) => Promise<T>): Promise<T> {
    const { settings, counters, intake, clock, room } = this.#options;
    const most = settings.now.library.parallelUploads;
    if (this.#receiving >= most) {
      throw new OxbowError('busy', `${most} uploads are running already.`, {
        extra: { retryAfterSeconds: 5, resumeOffset: upload.received },
      });
    }
    const controller = new AbortController();
    const running = this.#running.get(upload.id) ?? new Set();
    this.#running.set(upload.id, running.add(controller));
    this.#receiving++;
    counters.receiving(1);
    try {
      return await store({
        signal: AbortSignal.any([lock.taken, controller.signal, this.#options.signal]),
        store: this.#stores.of(upload),
        table: this.#table,
        parts: this.#parts,
        digest: this.#digests.of(upload),
        expiresMs: () => clock.nowMs() + this.expiryMs,
        count: (bytes) => counters.bytes(bytes),
        progress: async (received) => {
          if (!this.#progress.isDue(upload.id)) return;
          this.#progress.report(upload, await received());
        },
        room: upload.target === undefined ? room : () => Number.POSITIVE_INFINITY,
        maxBytes: this.maxBytes,
        reserve: (bytes) => intake.grows(upload.assetId, bytes + GROW_BYTES),
        reserveStep: GROW_BYTES,
      });
    } catch (error) {
      if (error instanceof OxbowError && error.code === 'unsupported-media') {
        await this.#ending.fail(upload, { code: error.code, detail: error.message }, undefined, 'refused');
      }
      throw await this.#ending.lostOr(error, upload, upload.chunkBytes === undefined ? lock : undefined);
    } finally {
      this.#receiving--;
      counters.receiving(-1);
      running.delete(controller);
      if (running.size === 0) this.#running.delete(upload.id);
    }
  }
}

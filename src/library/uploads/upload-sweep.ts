/**
 * Looks after uploads that no request looks after: those that a process which ended had received, and those
 * whose time is over.
 * In: the table, time. Out: complete uploads; expired ones are deleted.
 */
import type { Placement } from '../../cluster/placement/placement.ts';
import type { Clock } from '../../lib/clock.ts';
import type { UploadEnding } from './upload-ending.ts';
import { lockOf } from './upload-locks.ts';
import type { UploadTable } from './upload-table.ts';
import type { Uploads } from './uploads.ts';

/** The options of the sweep; see UploadsOptions. */
interface UploadSweepOptions {
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly failed: (error: unknown) => void;
  readonly holder: string;
  readonly placement?: Pick<Placement, 'node'>;
}

/** Expired uploads that one sweep deletes. */
const SWEPT = 100;
/**
 * An upload whose bytes are all there is completed by a sweep when no request has done it for this long, ms.
 */
const COMPLETED_AFTER_MS = 60_000;
export class UploadSweep {
  readonly #options: UploadSweepOptions;
  readonly #uploads: Pick<Uploads, 'complete' | 'lock' | 'expiryMs'>;
  readonly #table: UploadTable;
  readonly #ending: UploadEnding;

  constructor(
    options: UploadSweepOptions,
    uploads: Pick<Uploads, 'complete' | 'lock' | 'expiryMs'>,
    { table, ending }: { readonly table: UploadTable; readonly ending: UploadEnding },
  ) {
    this.#options = options;
    this.#uploads = uploads;
    this.#table = table;
    this.#ending = ending;
  }

  /**
   * Frees the locks that the process before held, before this one takes requests; in a cluster those of this
   * node.
   */
  freeLocks(): Promise<void> {
    const { placement, holder } = this.#options;
    return this.#table.freeLocks(lockOf(''), placement?.node ? holder : undefined);
  }

  /**
   * Completes uploads that were received completely by a process that ended, or while the database failed.
   *
   * @param options.idleMs only uploads whose last byte came this long ago, ms
   */
  async recover({ signal, idleMs = 0 }: { readonly signal: AbortSignal; readonly idleMs?: number }): Promise<void> {
    const { clock, failed, placement } = this.#options;
    // Their assets were deleted at another node.
    if (placement?.node) await this.#table.forgetPlaced(placement.node);
    for (const { id, expiresMs } of await this.#table.unfinished(placement?.node)) {
      if (expiresMs - this.#uploads.expiryMs <= clock.nowMs() - idleMs)
        await this.#uploads.complete(id, { signal }).catch(failed);
    }
  }

  /** Completes uploads that their requests could not complete, and deletes those whose time is over. */
  async run(options: { readonly signal: AbortSignal }): Promise<void> {
    const { clock, failed, placement } = this.#options;
    await this.recover({ ...options, idleMs: COMPLETED_AFTER_MS });
    for (const { id, state } of await this.#table.expired(clock.nowMs(), SWEPT, placement?.node)) {
      if (state === 'complete' || state === 'failed') {
        await this.#ending.remove(id);
        continue;
      }
      try {
        await using lock = await this.#uploads.lock(id, options);
        const upload = await this.#table.find(id);
        // Bytes may have arrived in between.
        if (!upload || upload.expiresMs > clock.nowMs()) continue;
        const hours = Number((this.#uploads.expiryMs / 3_600_000).toPrecision(3));
        const failure = { code: 'upload-expired', detail: `No bytes arrived for ${hours} h.` };
        await this.#ending.fail(upload, failure, lock, 'expired');
      } catch (error) {
        failed(error);
      }
    }
  }
}

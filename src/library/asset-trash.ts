/**
 * The trash of the library: assets that can be restored for a while, then their end with all files.
 * In: requests, time. Out: records; events `asset.deleted`; reports of assets that are gone for good.
 */
import type { SegmentStore } from '../archive/segment-store.ts';
import type { Current } from '../lib/current.ts';
import { Emitter, type Subscribable } from '../lib/events.ts';
import { type AssetFilesOptions, deleteLeftFiles, deleteRemovedFiles } from './asset-files.ts';
import type { AssetQuota } from './asset-quota.ts';
import type { AssetRecord } from './asset-record.ts';
import type { AssetTable } from './asset-table.ts';
import { type Assets, type CheckVersion, unknownAsset } from './assets.ts';

interface AssetTrashOptions extends Omit<AssetFilesOptions, 'table'> {
  readonly assets: Assets;
  readonly table: AssetTable;
  readonly quota: Pick<AssetQuota, 'count'>;
  readonly settings: Current<{ readonly library: { readonly trash: number } }>;
}

export class AssetTrash {
  readonly #options: AssetTrashOptions;
  readonly #assets: Assets;
  readonly #removed = new Emitter<AssetRecord>();

  constructor(options: AssetTrashOptions) {
    this.#options = options;
    this.#assets = options.assets;
  }

  /** Emits an asset that is gone for good: its upload and its jobs are to end. */
  get removed(): Subscribable<AssetRecord> {
    return this.#removed;
  }

  /**
   * Moves an asset to the trash; one that is still uploading is deleted for good.
   *
   * @throws OxbowError `asset-unknown`
   */
  async add(id: string, check: CheckVersion = () => undefined): Promise<void> {
    const before = await this.#assets.get(id);
    if (before.state === 'uploading') return this.purge(id, check);
    if (before.deletedMs !== null) return check(before.changedUs);
    const asset = await this.#assets.change(id, ({ changedUs }) => {
      check(changedUs);
      return { deleted_us: this.#nowUs() };
    });
    this.#assets.publish('asset.deleted', asset);
  }

  /**
   * Takes an asset out of the trash.
   *
   * @throws OxbowError `asset-unknown`
   */
  async restore(id: string): Promise<AssetRecord> {
    const asset = await this.#assets.change(id, () => ({ deleted_us: null }));
    this.#assets.publish('asset.changed', asset);
    return asset;
  }

  /**
   * Deletes an asset for good: its record now, its files a minute later.
   *
   * @throws OxbowError `asset-unknown`
   */
  async purge(id: string, check: CheckVersion = () => undefined): Promise<void> {
    const asset = await this.#assets.get(id);
    check(asset.changedUs);
    if (!(await this.discard(asset))) throw unknownAsset(id);
  }

  /** Deletes an asset for good; false if it is gone already. */
  async discard(asset: AssetRecord): Promise<boolean> {
    const { id } = asset;
    const { table, quota } = this.#options;
    if (!(await table.remove(id, this.#nowUs()))) return false;
    quota.count(asset.owner, -(asset.bytes ?? 0));
    this.#assets.publish('asset.deleted', asset, true);
    this.#removed.emit(asset);
    return true;
  }

  /** Deletes for good assets that were in the trash for long enough. */
  async empty(): Promise<void> {
    const { clock, settings, placement, table } = this.#options;
    const old = await table.deletedBefore((clock.nowMs() - settings.now.library.trash) * 1000, placement?.node);
    for (const asset of old) await this.discard(asset);
  }

  /** Deletes the files of assets that were deleted for good, once their time has come. */
  deleteFiles(): Promise<void> {
    return deleteRemovedFiles(this.#options);
  }

  /**
   * In a cluster: deletes the files that this node still has of assets that were deleted while it did not
   * run.
   * @param files only of this node
   */
  deleteLeft(files: Pick<SegmentStore, 'folders' | 'delete'>): Promise<void> {
    return deleteLeftFiles(files, this.#options);
  }

  #nowUs(): number {
    return Math.round(this.#options.clock.nowMs() * 1000);
  }
}

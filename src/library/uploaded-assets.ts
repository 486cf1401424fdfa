/**
 * The originals of assets, from the first byte of their upload on: their states, lengths and quotas.
 * In: reports of uploads. Out: records; originals to process.
 */
import { Emitter, type Subscribable } from '../lib/events.ts';
import type { AssetFailure, AssetIntake, NewAsset } from './asset.ts';
import type { AssetQuota } from './asset-quota.ts';
import type { AssetRecord } from './asset-record.ts';
import type { AssetTable } from './asset-table.ts';
import { cleanFilename, cleanTitle, titleOfFile } from './asset-texts.ts';
import type { AssetTrash } from './asset-trash.ts';
import { Assets } from './assets.ts';

interface UploadedAssetsOptions {
  readonly assets: Assets;
  readonly trash: Pick<AssetTrash, 'discard'>;
  readonly table: Pick<AssetTable, 'bytes'>;
  readonly quota: AssetQuota;
}

export class UploadedAssets implements AssetIntake {
  readonly #assets: Assets;
  readonly #trash: Pick<AssetTrash, 'discard'>;
  readonly #table: Pick<AssetTable, 'bytes'>;
  readonly #quota: AssetQuota;
  readonly #completed = new Emitter<AssetRecord>();

  constructor({ assets, trash, table, quota }: UploadedAssetsOptions) {
    this.#assets = assets;
    this.#trash = trash;
    this.#table = table;
    this.#quota = quota;
  }

  /** Emits an asset whose upload is complete: it is to be processed. */
  get completed(): Subscribable<AssetRecord> {
    return this.#completed;
  }

  /** Bytes of all originals. */
  get bytes(): number {
    return this.#quota.total;
  }

  async begin(asset: NewAsset): Promise<string> {
    const { owner, length } = asset;
    const filename = cleanFilename(asset.filename);
    const title = cleanTitle(asset.title ?? '') || titleOfFile(filename) || 'Untitled';
    this.#quota.reserve(owner, length ?? 0);
    try {
      const id = Assets.newId();
      await this.#assets.add({ ...asset, id, title }, { filename, bytes: length ?? null, state: 'uploading' });
      return id;
    } catch (error) {
      this.#quota.count(owner, -(length ?? 0));
      throw error;
    }
  }

  async grows(id: string, length: number): Promise<void> {
    const { owner, bytes } = await this.#assets.get(id);
    const more = length - (bytes ?? 0);
    this.#quota.reserve(owner, more);
    try {
      await this.#assets.change(id, () => ({ bytes: length }));
      this.#assets.touch(id);
    } catch (error) {
      this.#quota.count(owner, -more);
      throw error;
    }
  }

  async complete(id: string, { bytes, sha256 }: { readonly bytes: number; readonly sha256: string }): Promise<void> {
    const before = await this.#assets.get(id);
    // Reported again after a crash: it may be processed by now, or ready.
    if (before.state !== 'uploading') return;
    this.#quota.count(before.owner, bytes - (before.bytes ?? 0));
    const asset = await this.#assets.change(id, () => ({ bytes, sha256, state: 'processing' }));
    this.#assets.publish('asset.changed', asset);
    this.#completed.emit(asset);
  }

  async fail(id: string, failure: AssetFailure): Promise<void> {
    const before = await this.#assets.find(id);
    // It was deleted meanwhile, or is complete.
    if (before?.state !== 'uploading') return;
    this.#quota.count(before.owner, -(before.bytes ?? 0));
    await this.#assets.fail(id, failure, { bytes: null });
    // Its client has the reason. Nothing of such a file can be repeated or repaired, so that it would be a
    // card to delete by hand.
    if (failure.code === 'unsupported-media') await this.#trash.discard(await this.#assets.get(id));
  }

  /** Processes an original once more, after a failure. */
  async processAgain(id: string): Promise<void> {
    const asset = await this.#assets.change(id, () => ({ state: 'processing', failure: null }));
    this.#assets.publish('asset.changed', asset);
    this.#completed.emit(asset);
  }

  /** Counts the bytes of each owner for the quotas; in a cluster also those at other nodes. */
  async count(): Promise<void> {
    this.#quota.replace(await this.#table.bytes());
  }
}

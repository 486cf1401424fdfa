/**
 * Opens the assets of the library.
 * In: a database, the store of files, settings. Out: records, originals, processed media, trash.
 */
import type { Kysely } from 'kysely';
import type { EventBus } from '../cluster/bus/event-bus.ts';
import type { Clock } from '../lib/clock.ts';
import type { Current } from '../lib/current.ts';
import type { ReadQuery } from '../store/engine.ts';
import type { Tables } from '../store/schema.ts';
import type { AssetFilesOptions } from './asset-files.ts';
import { AssetQuota, type QuotaSettings } from './asset-quota.ts';
import { AssetTable } from './asset-table.ts';
import { AssetTrash } from './asset-trash.ts';
import { Assets } from './assets.ts';
import { ProcessedAssets } from './processed-assets.ts';
import { UploadedAssets } from './uploaded-assets.ts';

/** The options of the library. */
export interface AssetsOptions extends Omit<AssetFilesOptions, 'table'> {
  readonly db: Kysely<Tables>;
  /** Reads rows that may be some seconds old. */
  readonly read?: (<T>(query: ReadQuery<T>) => Promise<T>) | undefined;
  readonly clock: Clock;
  readonly events: Pick<EventBus, 'publish'>;
  readonly settings: QuotaSettings & Current<{ readonly library: { readonly trash: number } }>;
}

/** The assets of the library. */
export interface OpenedAssets {
  readonly assets: Assets;
  readonly uploaded: UploadedAssets;
  readonly processed: ProcessedAssets;
  readonly trash: AssetTrash;
}

/** Reads how many bytes each owner has. */
export async function openAssets(options: AssetsOptions): Promise<OpenedAssets> {
  const table = new AssetTable(options.db);
  const quota = new AssetQuota(options.settings);
  const assets = new Assets(options, table);
  const trash = new AssetTrash({ ...options, assets, table, quota });
  const uploaded = new UploadedAssets({ assets, trash, table, quota });
  await uploaded.count();
  return { assets, uploaded, processed: new ProcessedAssets(assets), trash };
}

/**
 * API calls of the library.
 * In: the browser's session. Out: the shapes of src/api. Each call throws ApiError and aborts with `signal`.
 */

import type { WatchAccessView } from '../../../src/api/access/watch-rules-shapes.ts';
import type {
  AssetList,
  AssetListQuery,
  AssetPatch,
  AssetRenditionView,
  AssetSubtitleView,
  AssetView,
} from '../../../src/api/library/asset-shapes.ts';
import { askServer } from './client.ts';

export type { AssetView };
/** Subtitles of an asset. */
export type SubtitleView = AssetSubtitleView;
/** One quality of an asset. */
export type RenditionView = AssetRenditionView;
/** What a user changes of an asset. */
export type AssetTexts = Pick<AssetPatch, 'title' | 'description' | 'tags' | 'visibility' | 'watchRules'>;
/** Filters and order of the list. */
export type AssetQuery = Omit<AssetListQuery, 'limit' | 'cursor' | 'sort'> & {
  readonly sort?: '-created' | 'created' | 'title' | '-duration' | '-bytes';
};

/**
 * A page of the library.
 *
 * @param limit at most 200
 * @param cursor of the page before
 */
export function listAssets(
  query: AssetQuery,
  { limit, cursor, signal }: { limit: number; cursor?: string | null | undefined; signal: AbortSignal },
): Promise<AssetList> {
  const page = { ...query, limit: String(limit), ...(cursor && { cursor }) };
  return askServer(signal, (client, options) => client.listAssets(page, options));
}

/** All assets that match, of every page. */
export async function listAllAssets(query: AssetQuery, signal: AbortSignal): Promise<AssetView[]> {
  const items: AssetView[] = [];
  let cursor: string | null | undefined;
  do {
    const page = await listAssets(query, { limit: 200, cursor, signal });
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor);
  return items;
}

export function getAsset(id: string, signal: AbortSignal): Promise<AssetView> {
  return askServer(signal, (client, options) => client.getAsset({ id }, options));
}

/** The rules by network and country of an asset, and whether a client would see it. */
export function getAssetAccess(
  id: string,
  query: { address?: string; country?: string },
  signal: AbortSignal,
): Promise<WatchAccessView> {
  return askServer(signal, (client, options) => client.getAssetAccess({ id, ...query }, options));
}

/** Changes texts, visibility and rules. */
export function updateAsset(id: string, body: AssetTexts, signal: AbortSignal): Promise<AssetView> {
  return askServer(signal, (client, options) => client.updateAsset({ id, body }, options));
}

/** Adds a subtitle file. */
export function addSubtitle(
  id: string,
  file: Blob,
  { language, title, forced }: { readonly language: string; readonly title: string; readonly forced: boolean },
  signal: AbortSignal,
): Promise<AssetSubtitleView> {
  // Browsers know few types of subtitles: the server looks at the content.
  const body = new Blob([file], { type: 'application/octet-stream' });
  const query = { language, ...(title !== '' && { title }), ...(forced && { forced: 'true' as const }) };
  return askServer(signal, (client, options) => client.createAssetSubtitle({ id, body, ...query }, options));
}

export function removeSubtitle(id: string, subtitle: string, signal: AbortSignal): Promise<void> {
  return askServer(signal, (client, options) => client.deleteAssetSubtitle({ id, subtitle }, options));
}

/** Moves an asset to the trash; with `purge` it is deleted for good. */
export function deleteAsset(id: string, purge: boolean, signal: AbortSignal): Promise<void> {
  const how = purge ? { purge: 'true' as const } : {};
  return askServer(signal, (client, options) => client.deleteAsset({ id, ...how }, options));
}

/** Takes an asset out of the trash. */
export function restoreAsset(id: string, signal: AbortSignal): Promise<AssetView> {
  return askServer(signal, (client, options) => client.restoreAsset({ id }, options));
}

/**
 * The contract of assets, as the HTTP API calls it. Each call refuses with an OxbowError.
 * In: http/routes and serve/media call it. Out: library/assets-api implements it, the tests of http/ stand in
 * for it. Types, and the names of tokens.
 */

import type { WatchAccessView, WatchRuleLists } from '../access/watch-rules-shapes.ts';
import type {
  AssetList,
  AssetListQuery,
  AssetPatch,
  AssetSubtitleView,
  AssetView,
  NewRecordedAsset,
  SubtitleQuery,
} from './asset-shapes.ts';

/** The client of a call. */
export interface AssetClient {
  /** `admin`, or `token:` with the id of an API token; `''` for an anonymous client. */
  readonly owner: string;
  /** May change every asset. */
  readonly isAdmin: boolean;
  /** May read about every asset and watch it. */
  readonly seesAll: boolean;
}

/** What decides whether a client may watch an asset. */
export interface AssetAccess {
  readonly visibility: 'public' | 'unlisted' | 'private';
  readonly owner: string;
  readonly isDeleted: boolean;
  /** Rules by network and country that are in force; undefined: none. */
  readonly watchRules?: WatchRuleLists | undefined;
}

/** Checks the version of If-Match; throws `precondition-failed`. */
export type AssetCondition = (version: string | undefined) => void;

/** An asset and its version, for ETag. */
export interface VersionedAsset {
  readonly view: AssetView;
  readonly version: string;
}

export interface AssetsApi {
  /** Who may watch an asset; undefined if there is none. */
  access(id: string): Promise<AssetAccess | undefined>;
  /** A page of assets that the client may see. Refuses `bad-request` for an invalid cursor. */
  list(query: AssetListQuery, client: AssetClient): Promise<AssetList>;
  /** Refuses `asset-unknown`, also if the client may not see it. */
  get(id: string, client: AssetClient): Promise<VersionedAsset>;
  /** Refuses `asset-unknown`, `forbidden`, `unauthorized`; what `check` throws. */
  update(id: string, patch: AssetPatch, client: AssetClient, check?: AssetCondition): Promise<VersionedAsset>;
  /**
   * The rules of an asset by network and country, and what they decide about a client. Refuses as `update`,
   * and `bad-request` for an invalid address or country.
   *
   * @param asked undefined: only the rules
   */
  watchAccess(
    id: string,
    asked: { readonly address: string; readonly country?: string } | undefined,
    client: AssetClient,
  ): Promise<WatchAccessView>;
  /** Moves it to the trash, or deletes it for good. Refuses as `update`. */
  remove(id: string, how: { readonly purge: boolean }, client: AssetClient, check?: AssetCondition): Promise<void>;
  /** Takes it out of the trash. Refuses as `update`. */
  restore(id: string, client: AssetClient): Promise<VersionedAsset>;
  /**
   * Adds a subtitle file, in place of one with the same language, title and purpose. Refuses as `update`;
   * `unsupported-media`, `limit-reached`.
   */
  addSubtitle(
    id: string,
    file: { readonly bytes: Uint8Array; readonly query: SubtitleQuery },
    client: AssetClient,
  ): Promise<AssetSubtitleView>;
  /** Removes subtitles by their id. Refuses as `update`; `not-found`. */
  removeSubtitle(id: string, subtitle: string, client: AssetClient): Promise<void>;
  /**
   * Keeps a range of a recording. Refuses `stream-unknown`, `bad-time`, `no-media`, `gone`,
   * `window-too-long`, `limit-reached`.
   */
  createRecorded(asset: NewRecordedAsset, client: AssetClient): Promise<VersionedAsset>;
}

/** The name for which playback tokens of an asset are signed; no stream has such a name. */
export function tokenNameOf(asset: string): string {
  return `asset/${asset}`;
}

/** The name for which tokens for its original are signed. */
export function originalTokenNameOf(asset: string): string {
  return `original/${asset}`;
}

/** The name for which tokens for its poster are signed while it is in the trash. */
export function trashTokenNameOf(asset: string): string {
  return `trash/${asset}`;
}

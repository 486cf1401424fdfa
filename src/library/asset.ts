/**
 * An asset: a finished video of the library, from the first byte of its upload on.
 * In: uploads, recordings, workers. Out: delivery, the API. docs/decisions/0030. Types only.
 */

import type { WatchRuleLists } from '../api/access/watch-rules-shapes.ts';
import type { StreamEncryption } from '../config/schema.ts';

/** Where an asset is: its bytes arrive, its renditions are made, it can be watched, or why it cannot. */
export type AssetState = 'uploading' | 'processing' | 'ready' | 'failed';

/**
 * Who may watch an asset: everyone who finds it, everyone who has its address, or its owner and
 * administrators.
 */
export type AssetVisibility = 'public' | 'unlisted' | 'private';

/** Why an asset or one of its renditions failed. */
export interface AssetFailure {
  /** Code from lib/errors. */
  readonly code: string;
  /** For a person. */
  readonly detail: string;
}

/** The first properties of an upload. */
export interface NewAsset {
  /** Principal: `admin`, or `token:` with the id of an API token. */
  readonly owner: string;
  /** Name of the file as the client sent it; never used as a path. */
  readonly filename: string;
  /** Bytes; undefined while the client does not know. */
  readonly length: number | undefined;
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly visibility?: AssetVisibility | undefined;
  /** Undefined: the setting `watchRules`. */
  readonly watchRules?: WatchRuleLists | undefined;
  /** Undefined: the setting `encryption.assets`. */
  readonly encryption?: StreamEncryption | undefined;
}

/** The reports of uploads. The library implements it. */
export interface AssetIntake {
  /**
   * Creates the record of an asset that is being uploaded, and returns its id.
   *
   * @throws OxbowError `quota-exceeded`
   */
  begin(asset: NewAsset): Promise<string>;
  /** The length became known. Rejects as `begin`. */
  grows(id: string, length: number): Promise<void>;
  /** All bytes are stored at `originalLocation(id)`: processing begins. */
  complete(id: string, original: { readonly bytes: number; readonly sha256: string }): Promise<void>;
  /**
   * The upload ended without its file: expired, cancelled, refused. An asset whose file is certainly no media
   * is deleted.
   */
  fail(id: string, failure: AssetFailure): Promise<void>;
}

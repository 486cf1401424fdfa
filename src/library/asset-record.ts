/**
 * The record of an asset, to and from its row.
 * In: rows of the table `asset`. Out: AssetRecord.
 */
import type { Selectable } from 'kysely';
import { storedLists } from '../accounts/watch-rules/watch-rules.ts';
import type { WatchRuleLists } from '../api/access/watch-rules-shapes.ts';
import type { StreamEncryption } from '../config/schema.ts';
import type { AssetTable } from '../store/schema.ts';
import type { AssetFailure, AssetState, AssetVisibility } from './asset.ts';

/** Where an asset comes from: a file, or a range of a recording whose chunk files it shares. */
type AssetOrigin = 'upload' | 'recording';

/** The range of a recording that an asset consists of. */
export interface AssetRecording {
  /** Name of the stream when the asset was created. */
  readonly stream: string;
  readonly streamId: string;
  /** The pin that keeps the media from retention. */
  readonly pin: string;
  /** µs since 1970; of the first and after the last segment. */
  readonly fromUs: number;
  readonly toUs: number;
}

/** An asset. Times since 1970 are ms, positions in the asset µs. */
export interface AssetRecord {
  readonly id: string;
  /** Increases from asset to asset. */
  readonly number: number;
  readonly title: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly visibility: AssetVisibility;
  readonly owner: string;
  /** Who may watch by network and country; null: the setting `watchRules`. */
  readonly watchRules: WatchRuleLists | null;
  /** How its segments are encrypted; null: the setting `encryption.assets`. */
  readonly encryption: StreamEncryption | null;
  readonly origin: AssetOrigin;
  readonly state: AssetState;
  readonly failure: AssetFailure | null;
  readonly filename: string;
  /** Of the original; null until it is known. */
  readonly bytes: number | null;
  readonly sha256: string | null;
  /** Of the original; empty until it is known. */
  readonly contentType: string;
  readonly durationUs: number | null;
  /** The facts of the import: JSON. */
  readonly facts: Readonly<Record<string, unknown>> | null;
  readonly recording: AssetRecording | null;
  /** Null: from its middle. */
  readonly posterUs: number | null;
  /** Counts the changes of its media. */
  readonly revision: number;
  readonly createdMs: number;
  /** Rises with each change: the version for If-Match. */
  readonly changedUs: number;
  /** In the trash since then; null: it is not. */
  readonly deletedMs: number | null;
}

/** The record of a row. */
export function recordOf(row: Selectable<AssetTable>): AssetRecord {
  const json = <T>(text: string | null) => (text === null ? null : (JSON.parse(text) as T));
  return {
    id: row.id,
    number: row.seq,
    title: row.title,
    description: row.description,
    tags: JSON.parse(row.tags) as string[],
    visibility: row.visibility as AssetVisibility,
    owner: row.owner,
    watchRules: storedLists(row.watch_rules),
    encryption: row.encryption as StreamEncryption | null,
    origin: row.origin as AssetOrigin,
    state: row.state as AssetState,
    failure: json<AssetFailure>(row.failure),
    filename: row.filename,
    bytes: row.bytes,
    sha256: row.sha256,
    contentType: row.content_type,
    durationUs: row.duration_us,
    facts: json(row.facts),
    recording: json<AssetRecording>(row.recording),
    posterUs: row.poster_us,
    revision: row.revision,
    createdMs: row.created_us / 1000,
    changedUs: row.changed_us,
    deletedMs: row.deleted_us === null ? null : row.deleted_us / 1000,
  };
}

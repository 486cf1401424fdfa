/**
 * The tables of assets, as Kysely sees them. Columns are snake_case, times are whole µs; of positions in an
 * asset from its start.
 * In: the tables of migrations.ts. Out: types for schema.ts.
 */
import type { Generated } from 'kysely';

/** A video of the library; see library/asset.ts. */
export interface AssetTable {
  readonly seq: Generated<number>;
  readonly id: string;
  title: string;
  /** The sort key: the title in lower case, without diacritics. */
  title_key: string;
  description: string;
  /** JSON, an array of texts. */
  tags: string;
  visibility: string;
  /** Principal that created it. */
  owner: string;
  /** JSON of the lists of networks and countries; null: the setting `watchRules`. */
  watch_rules: string | null;
  /** How its segments are encrypted; null: the setting `encryption.assets`. */
  encryption: string | null;
  /** `upload`, `recording`. */
  readonly origin: string;
  /** `uploading`, `processing`, `ready`, `failed`. */
  state: string;
  /** JSON, while `failed`. */
  failure: string | null;
  /** Of the original; may be empty. */
  filename: string;
  /** Of the original; null until they are known. */
  bytes: number | null;
  /** Of the original, hex. */
  sha256: string | null;
  /** Of the original, by its content; empty until it is known. */
  content_type: string;
  duration_us: number | null;
  /** JSON: the result of the import. */
  facts: string | null;
  /** JSON, of the origin `recording`: the stream, the range, and the pin that protects it. */
  readonly recording: string | null;
  /** Where its poster is from; null: from its middle. */
  poster_us: number | null;
  /** Counts the changes of its media: addresses of playlists have it. */
  revision: number;
  readonly created_us: number;
  changed_us: number;
  /** In the trash since then. */
  deleted_us: number | null;
}

/** An asset that was deleted for good; its files are deleted next. */
export interface AssetRemovedTable {
  readonly id: string;
  readonly removed_us: number;
}

/** The tags of assets, for filters. */
export interface AssetTagTable {
  readonly tag: string;
  readonly asset_seq: number;
}

/** The words of assets, as search/search-text.ts folds them; a row for each asset, by its `seq`. */
export interface AssetSearchTable {
  readonly rowid: number;
  /** SQLite: the texts, which can be matched but not read. */
  title: Generated<string>;
  description: Generated<string>;
  tags: Generated<string>;
  filename: Generated<string>;
  /** SQLite: the hidden column that a query is matched with. */
  readonly asset_search: Generated<string>;
  /** PostgreSQL: all words with their places, as `tsvector`. */
  words: Generated<string>;
}

/** A rendition of an asset; `source` has the tracks of the original without encoding. */
export interface AssetRenditionTable {
  readonly asset_id: string;
  readonly id: string;
  /** `queued`, `running`, `done`, `failed`. */
  state: string;
  /** 0 to 1. */
  progress: number;
  /** JSON, while `failed`. */
  failure: string | null;
  /** JSON: the options of the encoder. */
  plan: string;
  /** `moov` of its tracks; null until the first chunk is stored. */
  init: Uint8Array | null;
}

/** Subtitles of an asset: a WebVTT file, and of ASS also the script. */
export interface AssetSubtitleTable {
  /** Never used again: addresses have it. */
  readonly seq: Generated<number>;
  readonly asset_id: string;
  /** `original`, `upload`. */
  readonly origin: string;
  language: string;
  /** May be empty. */
  title: string;
  /** 1: players show them unless the viewer decides otherwise. */
  is_default: number;
  /** 1: for viewers who understand the language that is spoken. */
  is_forced: number;
  cues: number;
  /** Of the uploaded file; empty for those of originals. */
  charset: string;
  path: string;
  script_path: string | null;
}

/** A chunk file of an asset, as ChunkFileTable; times count from the start of the asset. */
export interface AssetChunkTable {
  readonly asset_id: string;
  readonly rendition: string;
  readonly first_msn: number;
  last_msn: number;
  start_us: number;
  end_us: number;
  path: string;
  /** Bytes. */
  size: number;
  /** Fencing token of the job that wrote it. */
  fence: number;
  /** Packed by archive/segment-index.ts. */
  segments: Uint8Array;
}

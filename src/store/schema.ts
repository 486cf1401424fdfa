/**
 * The tables of the metadata store, as Kysely sees them. Columns are snake_case, times are whole µs since 1970.
 * In: migrations.ts makes them. Out: types for every repository that asks `store.db`.
 */
import type { Generated } from 'kysely';

/** A named live channel; its recordings belong to `id`, so a name may change or come back. */
export interface StreamTable {
  readonly id: string;
  name: string;
  /** JSON of where the media comes from. */
  source: string;
  /** Where the stream is set: `api`, `command-line`, `configuration`, `sample`. */
  origin: string;
  /** For viewers; may be empty, as the description may. */
  title: string;
  description: string;
  /** 1: what is live is recorded. */
  record: number;
  /** How long recordings are kept, milliseconds; null: as the settings say. */
  keep_ms: number | null;
  visibility: string;
  /** 1: somebody chose the visibility; 0: it is the default, or was stored before this was noted. */
  visibility_set: number;
  readonly created_us: number;
  /** 1: stopped by a person. */
  stopped: number;
  deleted_us: number | null;
}

/** The picture that a person gave to a stream. */
export interface StreamPictureTable {
  readonly stream_id: string;
  /** Media type. */
  type: string;
  /** Changes with the bytes. */
  version: string;
  bytes: Uint8Array;
}

/** One sealed chunk file with its segments packed inside; an index that `doctor --rebuild` makes again from the files. */
export interface ChunkFileTable {
  readonly stream_id: string;
  readonly first_msn: number;
  last_msn: number;
  start_us: number;
  end_us: number;
  /** Relative to the data folder, with `/`. */
  path: string;
  /** Bytes. */
  size: number;
  run: number;
  /** UTC offset of the run: UTC = offset + pts. */
  utc_offset_us: number;
  run_clock: string;
  init_number: number;
  discontinuity_sequence: number;
  segment_count: number;
  /** JSON of what is missing before and within the file (media/segment.ts StreamGap), so that a timeline needs no unpacking. */
  absences: string;
  /** Packed by the recorder. */
  segments: Uint8Array;
}

/** A Media Initialization Section, numbered once per stream and used again when its configuration returns. */
export interface InitTable {
  readonly stream_id: string;
  readonly number: number;
  hash: string;
  /** `moov` of all tracks. */
  bytes: Uint8Array;
}

/** What a stream was doing when it last changed, so that a restart can tell a gap from offline and go on with the live list. */
export interface StreamOnAirTable {
  readonly stream_id: string;
  /** When this was written. */
  at_us: number;
  /** 1: the process ended in order after this. */
  clean: number;
  /** JSON of what was missing then (media/segment.ts StreamGap); `[]` while media flowed. */
  absences: string;
  /** JSON of the live list's promises (packager/generation.ts), or null before the first. */
  generation: string | null;
  /** Names the source that was live last (streams/saved-state.ts `sourceKey`); null before any was. */
  live_source: string | null;
}

/** A unit of background work; see jobs/job.ts. */
export interface JobTable {
  /** The order in which they were added. */
  readonly seq: Generated<number>;
  readonly id: string;
  kind: string;
  state: string;
  /** 0 to 1. */
  progress: number;
  /** JSON. */
  input: string;
  /** JSON. */
  result: string | null;
  /** JSON. */
  error: string | null;
  tries: number;
  readonly created_us: number;
  started_us: number | null;
  ended_us: number | null;
}

/** What data tracks say, per segment; written and forgotten with the row of the chunk file, and made again with it. */
export interface DateRangeTable {
  readonly stream_id: string;
  /** `first_msn` of the file. */
  readonly file_msn: number;
  /** Segment in which it was told. */
  readonly msn: number;
  /** ID of the EXT-X-DATERANGE. */
  readonly id: string;
  start_us: number;
  /** Until when lists name it. */
  reach_us: number;
  /** JSON of the tag (media/m3u8/playlist.ts DateRangeTag), whole. */
  tag: string;
}

/** What a person wrote at an instant of a stream; no file knows it. */
export interface MarkerTable {
  readonly id: string;
  readonly stream_id: string;
  at_us: number;
  text: string;
}

/** A stretch that retention leaves alone; no file knows it. */
export interface PinTable {
  readonly id: string;
  readonly stream_id: string;
  from_us: number;
  to_us: number;
  text: string;
}

/** How far retention has deleted, so that the timeline does not report what it deleted as lost. */
export interface RetentionTable {
  readonly stream_id: string;
  /** Of media that began before, only pinned windows are kept; µs since 1970. */
  deleted_before_us: number;
}

/** A browser that is signed in; see accounts/sessions.ts. */
export interface SessionTable {
  readonly id: string;
  readonly digest: string;
  readonly created_us: number;
  seen_us: number;
  readonly address: string;
  readonly program: string;
}

/** A token for programs; see accounts/api-tokens.ts. */
export interface ApiTokenTable {
  readonly id: string;
  readonly digest: string;
  readonly label: string;
  /** Words with a space between. */
  readonly scopes: string;
  readonly created_us: number;
  /** Null: never. */
  readonly expires_us: number | null;
}

/** How often the rights to watch a stream were revoked; kept by name, longer than the stream. */
export interface WatchEpochTable {
  readonly stream: string;
  epoch: number;
}

/** Where events are sent; see webhooks/. */
export interface WebhookTable {
  readonly id: string;
  url: string;
  /** JSON: names of events; `[]`: all but the frequent ones. */
  types: string;
  stream: string | null;
  secret: string;
  readonly created_us: number;
  failing_since_us: number | null;
  disabled_us: number | null;
  disabled_reason: string;
}

/** An event on its way to a webhook. */
export interface WebhookDeliveryTable {
  /** The order in which they were told. */
  readonly seq: Generated<number>;
  readonly webhook_id: string;
  readonly event_id: string;
  readonly type: string;
  /** JSON as it is sent; empty once that has ended. */
  body: string;
  /** `waiting`, `done`, `failed`, `dropped`. */
  state: string;
  tries: number;
  next_us: number;
  status: number | null;
  error: string;
  readonly created_us: number;
  ended_us: number | null;
}

/** Who owns something that has one owner at a time; see cluster/lease.ts. */
export interface LeaseTable {
  readonly name: string;
  holder: string;
  /** Rises with each owner. */
  token: number;
  /** 0: released. */
  expires_us: number;
}

/** Every table. */
export interface Tables {
  stream: StreamTable;
  stream_picture: StreamPictureTable;
  chunk_file: ChunkFileTable;
  init: InitTable;
  stream_on_air: StreamOnAirTable;
  date_range: DateRangeTable;
  job: JobTable;
  marker: MarkerTable;
  pin: PinTable;
  retention: RetentionTable;
  session: SessionTable;
  api_token: ApiTokenTable;
  watch_epoch: WatchEpochTable;
  webhook: WebhookTable;
  webhook_delivery: WebhookDeliveryTable;
  lease: LeaseTable;
}

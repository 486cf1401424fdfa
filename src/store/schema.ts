/**
 * The tables of the metadata store, as Kysely sees them. Columns are snake_case, times are whole µs
 * since 1970.
 * In: the tables of migrations.ts. Out: types for the repositories that use `store.db`.
 */
import type { Generated } from 'kysely';
import type { AlarmMuteTable, AlarmTable, JournalTable } from '../features/alarms/tables.ts';
import type { AngleSetTable } from '../features/angles/tables.ts';
import type { CameraEventTable, CameraTable } from '../features/cameras/tables.ts';
import type { CaseFileTable, CaseNoteTable, CaseRangeTable } from '../features/cases/tables.ts';
import type { ChannelItemTable, ChannelTable } from '../features/channel/tables.ts';
import type { ClipTable } from '../features/clips/tables.ts';
import type { EvidenceBlockTable, EvidenceKeyTable, EvidenceVoucherTable } from '../features/evidence/tables.ts';
import type { GapHealingTable } from '../features/healing/tables.ts';
import type {
  ViewingContentTable,
  ViewingErasedTable,
  ViewingHourTable,
  ViewingMinuteTable,
  ViewingSealedTable,
  ViewingStartupTable,
  ViewingSumTable,
} from '../features/insight/tables.ts';
import type { MixerTable } from '../features/mixer/tables.ts';
import type { PushFollowTable, PushKeyTable, PushSubscriptionTable } from '../features/push/tables.ts';
import type { RelayTable } from '../features/relays/tables.ts';
import type { ReportTable } from '../features/reports/tables.ts';
import type {
  MediaServerTable,
  RoomItemTable,
  RoomMemberTable,
  RoomMessageTable,
  RoomPollTable,
  RoomTable,
} from '../features/rooms/tables.ts';
import type { TelevisionPairingTable } from '../features/television/tables.ts';
import type { ObjectDeletionTable, ObjectUploadTable, StoredObjectTable } from './objects/object-tables.ts';
import type {
  AuditTable,
  EmailCodeTable,
  InvitationTable,
  MailMessageTable,
  UserIdentityTable,
  UserTable,
} from './tables/account-tables.ts';
import type {
  AssetChunkTable,
  AssetRemovedTable,
  AssetRenditionTable,
  AssetSearchTable,
  AssetSubtitleTable,
  AssetTable,
  AssetTagTable,
} from './tables/asset-tables.ts';
import type { ErasureTable } from './tables/erasure-tables.ts';
import type { EventLogHeadTable, EventLogTable, WebhookReplayTable } from './tables/event-tables.ts';
import type { NodeTable, PlacementTable, RowChangeTable } from './tables/node-tables.ts';
import type {
  RecordedDayTable,
  RecordedQuarterTable,
  RecordedTotalTable,
  StoredTotalTable,
} from './tables/recorded-tables.ts';
import type { SettingTable } from './tables/setting-tables.ts';
import type { StreamShardTable } from './tables/shard-tables.ts';
import type { StagedPartTable, StagedUploadTable } from './tables/staged-tables.ts';
import type { UploadPartTable, UploadTable } from './tables/upload-schema.ts';

export type { AssetChunkTable, AssetRenditionTable, AssetSubtitleTable, AssetTable } from './tables/asset-tables.ts';

/** A named live channel; its recordings belong to `id`, so a name may change or come back. */
export interface StreamTable {
  readonly id: string;
  name: string;
  /** Source, as JSON, without its secrets. */
  source: string;
  /** Where the stream is defined: `api`, `command-line`, `configuration`, `sample`. */
  origin: string;
  /** For viewers; may be empty. */
  title: string;
  description: string;
  /** 1: live media is recorded. */
  record: number;
  /** Retention time, ms; null: as in the settings. */
  keep_ms: number | null;
  visibility: string;
  /** 1: the visibility was set explicitly; 0: the default, or stored before this column existed. */
  visibility_set: number;
  readonly created_us: number;
  /** 1: stopped by a user. */
  stopped: number;
  /** 1: paused by a user. */
  paused: number;
  /**
   * Settings of its further qualities, as JSON: `ladder`, `ladderStart`, `recordQualities`; those that are
   * set.
   */
  qualities: string;
  deleted_us: number | null;
  /** Object store of its recordings, or `local`; null: as in the settings. */
  storage: string | null;
  /** Changes of the rules of alarms; null: none. */
  alarms: string | null;
  /** JSON of the lists of networks and countries; null: the setting `watchRules`. */
  watch_rules: string | null;
  /** JSON of the rules for the past; null: none. */
  past_rules: string | null;
  /** The last start mark, ms since 1970; null: none. */
  start_mark_ms: number | null;
  /** How its segments are encrypted; null: the setting `encryption.streams`. */
  encryption: string | null;
  /** 1: viewers see which parts of its past were watched most. */
  show_rewound: number;
  /** 1: viewers may give its segments to each other. */
  peer_delivery: number;
  /** JSON: addresses from which gaps of its recording are filled; null: none. Without their secrets. */
  heal_from: string | null;
  /** JSON of what is sealed of `source` and `heal_from`, see sealed/sealed-columns; null: nothing. */
  sealed: string | null;
}

/** The picture that a user uploaded for a stream. */
interface StreamPictureTable {
  readonly stream_id: string;
  /** Media type. */
  type: string;
  /** Changes with the bytes. */
  version: string;
  bytes: Uint8Array;
}

/** Figures of a stream over ten minutes. */
interface StatsWindowTable {
  readonly stream_id: string;
  /** Start of the window. */
  readonly start_us: number;
  /** In the form of streams/measure/history-rows. */
  packed: Uint8Array;
}

/**
 * One sealed chunk file with its segments packed inside; `doctor --rebuild` can rebuild the table from the
 * files.
 */
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
  /**
   * Gaps before and within the file as JSON (media/segment.ts StreamGap), so that a timeline does not unpack
   * segments.
   */
  absences: string;
  /** 1: there are some. In the index that a timeline is read from, unlike the gaps themselves. */
  incomplete: number;
  /** Packed by archive/segment-index.ts. */
  segments: Uint8Array;
}

/** A Media Initialization Section, with one number per stream and codec configuration. */
interface InitTable {
  readonly stream_id: string;
  readonly number: number;
  hash: string;
  /** `moov` of all tracks. */
  bytes: Uint8Array;
}

/** The closed captions that a run of a stream was seen to have; see recording/caption-table.ts. */
interface StreamCaptionTable {
  readonly stream_id: string;
  readonly run: number;
  /** JSON, an array of media/captions/caption-channel.ts; empty if there are none. */
  captions: string;
}

/**
 * The last state of a stream, so that a restart distinguishes a gap from offline time and continues the live
 * playlist.
 */
interface StreamOnAirTable {
  readonly stream_id: string;
  /** Time of the write. */
  at_us: number;
  /** 1: the process ended properly after this. */
  clean: number;
  /** Current gaps as JSON (media/segment.ts StreamGap); `[]` while media flowed. */
  absences: string;
  /** JSON of the live list's promises (packager/generation.ts), or null before the first. */
  generation: string | null;
  /** Identifies the source that was live last (streams/saved-state.ts `sourceKey`); null before any was. */
  live_source: string | null;
}

/** A unit of background work; see jobs/job.ts. */
export interface JobTable {
  /** Order of creation. */
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
  /** Higher first. */
  priority: Generated<number>;
  /** Its subject, e.g. the id of an asset; null if nothing else needs to find it. */
  readonly subject: Generated<string | null>;
  /** Starts before it counts as failed. */
  max_tries: Generated<number>;
  /** It waits at least until then after a failure. */
  not_before_us: Generated<number>;
  /** Errors of failed tries, JSON. */
  failures: Generated<string>;
  /** Of the span that added it; null if tracing was off. */
  readonly traceparent: Generated<string | null>;
  /** Progress by name, JSON. */
  parts: Generated<string>;
  /** Fencing token of its last lease. */
  lease_token: Generated<number>;
  /** Id of the worker; null: this process. */
  lease_worker: Generated<string | null>;
  /** 0: no lease. */
  lease_until_us: Generated<number>;
}

/** A machine that runs jobs. */
interface WorkerTable {
  readonly id: string;
  name: string;
  /** `pull`, `push`. */
  mode: string;
  /** Jobs at the same time. */
  slots: number;
  /** JSON. */
  kinds: string;
  /** Version, engines, encoders; JSON. */
  facts: string;
  /** 1: the process that the server started itself. */
  own: number;
  readonly created_us: number;
}

/** Date ranges by segment; written, deleted and rebuilt with the row of the chunk file. */
interface DateRangeTable {
  readonly stream_id: string;
  /** `first_msn` of the file. */
  file_msn: number;
  /** Segment that carried it. */
  readonly msn: number;
  /** ID of the EXT-X-DATERANGE. */
  readonly id: string;
  start_us: number;
  /** Last instant at which playlists list it. */
  reach_us: number;
  /** The tag as JSON (media/m3u8/playlist.ts DateRangeTag). */
  tag: string;
}

/** A text of a user at an instant of a stream; only in the database. */
interface MarkerTable {
  readonly id: string;
  readonly stream_id: string;
  at_us: number;
  text: string;
}

/** A stretch that retention does not delete; only in the database. */
export interface PinTable {
  readonly id: string;
  readonly stream_id: string;
  from_us: number;
  to_us: number;
  text: string;
  /** The asset that consists of this media; null: a user set the pin. */
  readonly asset_id: Generated<string | null>;
  /** 1: a legal hold. */
  readonly is_hold: Generated<number>;
  /** Of a hold. */
  readonly reason: Generated<string>;
  /** Of a hold: who set it, as in the audit log. */
  readonly author: Generated<string>;
  /** Of a hold. */
  readonly created_us: Generated<number>;
}

/** How far retention has deleted, so that the timeline does not report deleted media as lost. */
interface RetentionTable {
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
  /** Null: the administrator of the command line. */
  readonly user_id: string | null;
  /** 1: of a television. */
  readonly television: number;
}

/** A token for programs; see accounts/api-tokens.ts. */
export interface ApiTokenTable {
  readonly id: string;
  readonly digest: string;
  readonly label: string;
  /** Separated by spaces. */
  readonly scopes: string;
  readonly created_us: number;
  /** Null: never. */
  readonly expires_us: number | null;
  /** Null: the administrator of the command line. */
  readonly user_id: string | null;
}

/** A stream key; see accounts/publish-keys.ts. */
interface PublishKeyTable {
  readonly id: string;
  readonly digest: string;
  readonly label: string;
  /** Null: a key for names that begin with `prefix`. */
  readonly stream_id: string | null;
  readonly prefix: string | null;
  /** Most streams that it creates; null for a key of one stream. */
  readonly max_streams: number | null;
  /** Ranges of addresses, separated by spaces; empty: everywhere. */
  readonly allow: string;
  readonly created_us: number;
  /** Null: never. */
  expires_us: number | null;
  /** Null: never. */
  used_us: number | null;
}

/** How often the playback tokens of a stream were revoked, by name; survives the stream. */
interface WatchEpochTable {
  readonly stream: string;
  epoch: number;
}

/** Where events are sent; see webhooks/. */
export interface WebhookTable {
  readonly id: string;
  /** Without what follows its host. */
  url: string;
  /** Names of events as JSON; `[]`: all except frequent ones. */
  types: string;
  stream: string | null;
  /** Empty: it is sealed. */
  secret: string;
  /** JSON of address and secret, sealed; null: they are in clear. */
  sealed: string | null;
  readonly created_us: number;
  failing_since_us: number | null;
  disabled_us: number | null;
  disabled_reason: string;
}

/** Delivery of an event to a webhook. */
export interface WebhookDeliveryTable {
  /** Order of publication. */
  readonly seq: Generated<number>;
  readonly webhook_id: string;
  readonly event_id: string;
  readonly type: string;
  /** JSON body; empty after the delivery has ended. */
  body: string;
  /** `waiting`, `done`, `failed`, `dropped`. */
  state: string;
  tries: number;
  next_us: number;
  status: number | null;
  error: string;
  readonly created_us: number;
  ended_us: number | null;
  /** Of the span that published the event; null if there was none. */
  readonly traceparent: Generated<string | null>;
}

/** A lease; see cluster/lease/lease.ts. */
interface LeaseTable {
  readonly name: string;
  holder: string;
  /** Rises with each owner. */
  token: number;
  /** 0: released. */
  expires_us: number;
}

export interface Tables {
  user: UserTable;
  user_identity: UserIdentityTable;
  invitation: InvitationTable;
  email_code: EmailCodeTable;
  mail_message: MailMessageTable;
  audit: AuditTable;
  media_server: MediaServerTable;
  room: RoomTable;
  room_member: RoomMemberTable;
  room_item: RoomItemTable;
  room_message: RoomMessageTable;
  room_poll: RoomPollTable;
  stream: StreamTable;
  stream_picture: StreamPictureTable;
  stats_window: StatsWindowTable;
  chunk_file: ChunkFileTable;
  init: InitTable;
  stream_on_air: StreamOnAirTable;
  stream_caption: StreamCaptionTable;
  date_range: DateRangeTable;
  gap_healing: GapHealingTable;
  job: JobTable;
  worker: WorkerTable;
  asset: AssetTable;
  asset_removed: AssetRemovedTable;
  asset_tag: AssetTagTable;
  asset_search: AssetSearchTable;
  asset_rendition: AssetRenditionTable;
  asset_chunk: AssetChunkTable;
  asset_subtitle: AssetSubtitleTable;
  upload: UploadTable;
  upload_part: UploadPartTable;
  staged_upload: StagedUploadTable;
  staged_part: StagedPartTable;
  marker: MarkerTable;
  pin: PinTable;
  clip: ClipTable;
  erasure: ErasureTable;
  retention: RetentionTable;
  recorded_quarter: RecordedQuarterTable;
  recorded_day: RecordedDayTable;
  recorded_total: RecordedTotalTable;
  session: SessionTable;
  television_pairing: TelevisionPairingTable;
  push_key: PushKeyTable;
  push_subscription: PushSubscriptionTable;
  push_follow: PushFollowTable;
  api_token: ApiTokenTable;
  publish_key: PublishKeyTable;
  relay: RelayTable;
  mixer: MixerTable;
  watch_epoch: WatchEpochTable;
  webhook: WebhookTable;
  webhook_delivery: WebhookDeliveryTable;
  webhook_replay: WebhookReplayTable;
  event_log: EventLogTable;
  event_log_head: EventLogHeadTable;
  lease: LeaseTable;
  stored_object: StoredObjectTable;
  stored_total: StoredTotalTable;
  object_upload: ObjectUploadTable;
  object_deletion: ObjectDeletionTable;
  node: NodeTable;
  placement: PlacementTable;
  row_change: RowChangeTable;
  alarm: AlarmTable;
  alarm_mute: AlarmMuteTable;
  journal: JournalTable;
  setting: SettingTable;
  stream_shard: StreamShardTable;
  viewing_content: ViewingContentTable;
  viewing_minute: ViewingMinuteTable;
  viewing_hour: ViewingHourTable;
  viewing_startup: ViewingStartupTable;
  viewing_sum: ViewingSumTable;
  viewing_sealed: ViewingSealedTable;
  viewing_erased: ViewingErasedTable;
  report: ReportTable;
  evidence_block: EvidenceBlockTable;
  evidence_key: EvidenceKeyTable;
  evidence_voucher: EvidenceVoucherTable;
  camera: CameraTable;
  camera_event: CameraEventTable;
  case_file: CaseFileTable;
  case_range: CaseRangeTable;
  case_note: CaseNoteTable;
  angle_set: AngleSetTable;
  channel: ChannelTable;
  channel_item: ChannelItemTable;
}

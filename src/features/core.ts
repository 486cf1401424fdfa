/**
 * The parts of a running process, and the context that all openers share. An opener takes the parts that it
 * needs, which were opened before it, and returns one.
 * In: app.ts. Out: the openers of app, and features. Types only.
 */
import type { Abilities } from '../accounts/abilities.ts';
import type { Access } from '../accounts/access.ts';
import type { AuthUrl } from '../accounts/auth/auth-url.ts';
import type { Mail } from '../accounts/mail/account-mail.ts';
import type { RateLimits } from '../accounts/rate-limit.ts';
import type { TokenTries } from '../accounts/token-tries.ts';
import type { FolderView, ObjectStoreView } from '../api/admin-shapes.ts';
import type { ClipFinder, ClipMaker } from '../api/clips/clips-api.ts';
import type { EdgePurgesApi } from '../api/deletions/edge-purge-shapes.ts';
import type { GapNotes } from '../api/healing/gap-notes.ts';
import type { InsightApi } from '../api/insight/insight-api.ts';
import type { AssetsApi } from '../api/library/assets-api.ts';
import type { PublishPorts } from '../api/publish/publish-address.ts';
import type { RoomReading } from '../api/room/room-reading.ts';
import type { Steerer } from '../api/steering/steering-shapes.ts';
import type { StreamsApi } from '../api/streams-api.ts';
import type { FoldersSegmentStore } from '../archive/folders/folders-segment-store.ts';
import type { DirectAddresses } from '../archive/objects/direct-addresses.ts';
import type { ObjectDeletions } from '../archive/objects/object-deletions.ts';
import type { ObjectTargets } from '../archive/objects/object-targets.ts';
import type { ObjectUploads } from '../archive/objects/object-uploads.ts';
import type { StoredObjects } from '../archive/objects/stored-objects.ts';
import type { TieredSegmentStore } from '../archive/objects/tiered-segment-store.ts';
import type { RangeReader } from '../archive/range-reader.ts';
import type { SegmentLocation, SegmentPrefix, SegmentStore } from '../archive/segment-store.ts';
import type { SyncQueue } from '../archive/sync-queue.ts';
import type { EventBus } from '../cluster/bus/event-bus.ts';
import type { EventLog } from '../cluster/bus/event-log.ts';
import type { LeaseStore } from '../cluster/lease/lease.ts';
import type { ClusterNodes } from '../cluster/placement/cluster-nodes.ts';
import type { Placement } from '../cluster/placement/placement.ts';
import type { SharedPlacement } from '../cluster/placement/shared-placement.ts';
import type { ProcessLink } from '../cluster/processes/process-link.ts';
import type { RemoteStreams } from '../cluster/requests/frames/remote-streams.ts';
import type { NodeClient } from '../cluster/requests/node-client.ts';
import type { NodeSignature } from '../cluster/requests/node-signature.ts';
import type { EffectiveSettings } from '../config/running/effective-settings.ts';
import type { Config } from '../config/schema.ts';
import type { NodeRole } from '../config/sections/cluster-section.ts';
import type { ContentKeyring } from '../delivery/encryption/keyring.ts';
import type { LiveLookup } from '../delivery/live/live-lookup.ts';
import type { SegmentCache } from '../delivery/live/segment-cache.ts';
import type { MediaRouter } from '../delivery/media-router.ts';
import type { Viewers } from '../delivery/viewers.ts';
import type { EncoderPool } from '../ffmpeg/encoders/encoder-pool.ts';
import type { RtpSessions } from '../ingest/rtp/rtp-sessions.ts';
import type { WebRtcServer } from '../ingest/webrtc/webrtc-server.ts';
import type { JobKinds } from '../jobs/job-kinds.ts';
import type { Jobs } from '../jobs/jobs-api.ts';
import type { LeasedJobs } from '../jobs/leased-jobs.ts';
import type { RemoteMedia } from '../jobs/remote-media.ts';
import type { Workers } from '../jobs/workers.ts';
import type { Clock } from '../lib/clock.ts';
import type { Emitter, Subscribable } from '../lib/events.ts';
import type { AssetMediaCache } from '../library/asset-media.ts';
import type { OpenedAssets } from '../library/open-assets.ts';
import type { Subtitles } from '../library/subtitles/subtitles.ts';
import type { UploadCreation } from '../library/uploads/upload-creation.ts';
import type { Uploads } from '../library/uploads/uploads.ts';
import type { Countries } from '../net/countries/countries.ts';
import type { Net } from '../net/net.ts';
import type { DiskForecast } from '../observe/disk-forecast.ts';
import type { Health } from '../observe/health.ts';
import type { Log } from '../observe/log.ts';
import type { LogRing } from '../observe/log-ring.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Services } from '../observe/services/services.ts';
import type { OtlpLogs } from '../observe/traces/otlp-logs.ts';
import type { Telemetry } from '../observe/traces/telemetry.ts';
import type { ErasedThing } from '../recording/erase/erasure-table.ts';
import type { LoggedCopies } from '../recording/mirror/logged-copies.ts';
import type { Mirror } from '../recording/mirror/mirror.ts';
import type { PinnedRange } from '../recording/pinned-windows.ts';
import type { ClaimedPort } from '../serve/claimed-port.ts';
import type { LocalSignIn } from '../serve/client/local-sign-in.ts';
import type { StoredSettings } from '../settings/stored-settings.ts';
import type { Store } from '../store/db.ts';
import type { RowChanges } from '../store/row-changes.ts';
import type { StreamControl } from '../streams/catalog/stream-control.ts';
import type { Catalog } from '../streams/catalog.ts';
import type { ContentMode } from '../streams/content/content-mode.ts';
import type { Disk } from '../streams/disk.ts';
import type { ManagedStream } from '../streams/managed-stream.ts';
import type { Channels } from '../streams/source/channel-source.ts';
import type { Prober } from '../streams/source/limited-prober.ts';
import type { ShownStreams } from '../streams/source/shown-streams.ts';
import type { StoredRecordings, StreamDeps } from '../streams/stream-deps.ts';
import type { RemoteEncoders } from '../transcode/live/remote/remote-encoders.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';
import type { Shutdown } from './shutdown.ts';

/** Observability: clock, metrics, log and traces. */
export interface Observation {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
  /** The last lines of the log. */
  readonly logs: LogRing;
  readonly telemetry: Telemetry;
  /** Log lines that report a bug or a crash, JSON. */
  readonly reports: Emitter<string>;
  /** Log records for the collector; undefined without one. */
  readonly otlpLogs: OtlpLogs | undefined;
  /** The services outside of the process. */
  readonly services: Services;
  /** Returns a function that logs an error as `{what} failed`. */
  readonly failed: (what: string) => (error: unknown) => void;
  /** Logs the start of the shutdown, and later its end and duration. */
  readonly stopping: (reason: string) => void;
}

/** One process of several of a server. docs/decisions/0093. */
export interface ServerProcess {
  /** Its connection to the supervisor, with what it was started for. */
  readonly link: ProcessLink;
  /** Where the other processes reach it. */
  readonly internal: ClaimedPort;
}

/**
 * The context of all openers. Each opener adds what it opened to `opened`, which is closed in reverse order.
 */
export interface AppContext extends Observation {
  /** The settings at the start. */
  readonly config: Config;
  /** The effective settings: read `settings.now` at each use. */
  readonly settings: EffectiveSettings;
  /** Absolute path. */
  readonly dataFolder: string;
  /**
   * Folder of what only this process writes: the data folder, or one inside it for one process of several.
   */
  readonly ownFolder: string;
  /** This process of several that share the data folder; undefined: it is the only one. */
  readonly process: ServerProcess | undefined;
  readonly opened: AsyncDisposableStack;
  readonly shutdown: Shutdown;
}

/** What a cluster changes. */
export interface Cluster {
  /** The leases of publishers, in place of those of this process. */
  leases(local: LeaseStore): LeaseStore;
  /** The event bus, in place of that of this process. */
  bus(local: EventBus): Promise<EventBus>;
}

/** What a node of a cluster has in common with the others. */
export interface Nodes {
  readonly placement: SharedPlacement;
  readonly signature: NodeSignature;
  readonly client: NodeClient;
  /** Their live streams. */
  readonly live: RemoteStreams;
  readonly roles: readonly NodeRole[];
  /** All nodes, for operators. */
  readonly list: ClusterNodes;
}

/** The disk now, and its forecast. */
export interface DiskWatch {
  readonly now: () => Disk;
  readonly forecast: DiskForecast;
}

/** Object stores. */
export interface Objects {
  readonly index: StoredObjects;
  readonly uploads: ObjectUploads;
  readonly deletions: ObjectDeletions;
  readonly targets: ObjectTargets;
  readonly store: TieredSegmentStore;
  /** Disk space of the cache. */
  readonly cacheBytes: () => number;
  /**
   * An address of a stored object for one download; undefined if it is in no bucket, or its target does not
   * permit it.
   */
  readonly presign: (
    location: SegmentLocation,
    options: { readonly contentType: string; readonly disposition: string },
  ) => Promise<string | undefined>;
  /** Names this server, or its cluster, for other servers with the same prefix. */
  readonly server: string;
  /** Sends what is recorded there at once, where `storage.mode` is `mirror`. */
  readonly mirror: Mirror;
  /** Copies that are ranges of its objects. */
  readonly logged: LoggedCopies;
  /** Addresses where viewers get stored bytes without oxbow; undefined: no target is `direct`. */
  readonly direct: DirectAddresses | undefined;
  /** The JSON of the object stores; set when files are copied there. */
  describe?: () => Promise<readonly ObjectStoreView[]>;
}

/** Further folders of recordings. */
export interface Folders {
  readonly store: FoldersSegmentStore;
  /** Names streams by the catalog from now on. */
  readonly follow: (catalog: Catalog) => void;
  /**
   * Why a stream with a folder is not recorded, empty while it is; undefined for a stream of the data folder.
   */
  readonly pauseOf: (streamId: string) => string | undefined;
  /** The JSON of the folders. */
  readonly describe: () => readonly FolderView[];
}

/** Stored media and its index. */
export interface Recordings extends StoredRecordings {
  /** The files of this server. */
  readonly files: SegmentStore;
  /** In a cluster: deletes at all nodes that run; returns the others, which may have such files too. */
  readonly deleteAtNodes: ((prefix: SegmentPrefix) => Promise<readonly string[]>) | undefined;
  /** Undefined: all recordings are in the data folder. */
  readonly folders: Folders | undefined;
  /** In a cluster: deletes at the other nodes only; returns those that may still have such files. */
  readonly deleteElsewhere: ((prefix: SegmentPrefix) => Promise<readonly string[]>) | undefined;
  /** Undefined: there is no object store. */
  readonly objects: Objects | undefined;
  /** Syncs of files in the data folder. */
  readonly syncQueue: SyncQueue;
  readonly reader: RangeReader;
  /** Emits stored media that is deleted. */
  readonly deleted: Subscribable<SegmentPrefix>;
}

/** All streams of the process. */
export interface Streams {
  readonly deps: StreamDeps;
  /** Changes the streams. */
  readonly control: StreamControl;
  readonly catalog: Catalog;
  /** The content keys of streams and assets. */
  readonly contentKeys: ContentKeyring;
  /** Whether their content is checked. */
  readonly contentMode: ContentMode;
  /** Probes the source at an address. */
  readonly probe: Prober;
}

/** Access control. */
export interface Accounts {
  readonly access: Access;
  /**
   * Reads what changed settings need.
   *
   * @returns applies them
   * @throws OxbowError `bad-setting` for a secret that cannot be read
   */
  prepare(next: Config): Promise<() => void>;
  /** The authorization server of `auth.url`; undefined if none is set. */
  readonly auth: AuthUrl | undefined;
  /** The mail server; undefined if none is set. */
  readonly mail: Mail | undefined;
  readonly localSignIn: LocalSignIn;
  readonly limits: RateLimits;
  readonly tokenTries: TokenTries;
}

/** Where features take part in the work of the core. */
export interface Hooks {
  /** Emits all streams once a second, after they were measured. */
  readonly measured: Emitter<readonly ManagedStream[]>;
  /** Called one after the other when retention has deleted the media of a stream before an instant. */
  readonly horizons: Set<(streamId: string, beforeUs: number) => Promise<void>>;
  /** The clips that media addresses and pages name; the feature that has them sets it. */
  clips: ClipFinder;
  /** Makes and deletes clips of callers who were checked; the feature that has clips sets it. */
  clipMaker: ClipMaker;
  /** The purges of edges that changes begin; the feature that purges sets it. */
  edgePurges: Pick<EdgePurgesApi, 'begunFor'>;
  /** What is known of the healing of gaps; the feature that heals sets it. */
  gapNotes: GapNotes;
  /** What was stored of viewing; the feature that stores it sets it before the streams are open. */
  insight: InsightApi;
  /** Where players are sent; the feature that steers sets it. */
  steering: Steerer;
  /** Plays channels; the feature that has them sets it before the streams are open. */
  channels: Channels;
  /** Reads what rooms play; the feature that has rooms sets it. */
  rooms: RoomReading;
  /** Streams that are made of live streams, one function for each feature: a loop over several is refused. */
  readonly shown: Set<ShownStreams>;
  /** Workers that encode live; the feature that connects them sets it. */
  remoteEncoders: RemoteEncoders;
  /** Jobs whose files have media of a range, or will have: a deletion of the range cancels them. */
  readonly fileJobs: Set<(stream: string, range: PinnedRange) => Promise<readonly ErasedThing[]>>;
  /** What features let users do. */
  readonly abilities: Abilities;
  /** Called one after the other when a file is about to be copied to an object store. */
  readonly beforeUpload: Set<(location: SegmentLocation) => Promise<void>>;
}

/** Answers media requests. */
export interface Delivery {
  readonly answer: MediaRouter;
  /** Answers from memory, at once. */
  readonly lookup: LiveLookup;
  /** Recorded segments that were requested a moment ago. */
  readonly segmentCache: SegmentCache;
  readonly viewers: Viewers;
  /** Name of the stream of addresses that name none; undefined while there is no stream. */
  readonly defaultStream: () => string | undefined;
}

export interface Library extends OpenedAssets {
  readonly subtitles: Subtitles;
  /** Index of the media of assets. */
  readonly media: AssetMediaCache;
}

/** The parts of the process, in the order in which they are opened. An opener takes those it needs. */
export interface Parts {
  readonly storedSettings: StoredSettings;
  readonly store: Store;
  /** Changes of rows that other nodes have in memory; undefined without a database that nodes share. */
  readonly changes: RowChanges | undefined;
  readonly net: Net;
  /** Countries of addresses, by `watchRules.countryFile`. */
  readonly countries: Countries;
  /** Undefined: there is no cluster. */
  readonly cluster: Cluster | undefined;
  /** Undefined: there is no cluster. */
  readonly nodes: Nodes | undefined;
  /** Owners of streams, rooms, assets and uploads. */
  readonly placement: Placement;
  readonly bus: EventBus;
  /** Events of this process only, also while the bus of the cluster waits for Redis. */
  readonly ownEvents: EventBus;
  /** Past events; undefined: none are kept. */
  readonly eventLog: EventLog | undefined;
  readonly webhooks: Webhooks;
  readonly hooks: Hooks;
  readonly disk: DiskWatch;
  readonly recordings: Recordings;
  readonly streams: Streams;
  readonly catalog: Catalog;
  readonly streamsApi: StreamsApi;
  readonly jobs: Jobs;
  readonly jobKinds: JobKinds;
  readonly workers: Workers;
  readonly leasedJobs: LeasedJobs;
  /** Inputs and outputs of the jobs of workers. */
  readonly jobMedia: RemoteMedia;
  /** The hardware encoders of this machine. */
  readonly encoders: EncoderPool;
  readonly library: Library;
  readonly uploads: Uploads;
  readonly uploadCreation: UploadCreation;
  readonly assets: AssetsApi;
  readonly health: Health;
  readonly accounts: Accounts;
  readonly delivery: Delivery;
  /** Ports to publish to; the protocol servers set them when they have opened. */
  readonly publishPorts: PublishPorts;
  /** RTP sessions of the API. */
  readonly rtp: RtpSessions;
  /** Sessions of WebRTC; `listen` opens their port. */
  readonly webrtc: WebRtcServer;
}

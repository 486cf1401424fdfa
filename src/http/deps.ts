/**
 * The dependencies of the HTTP server.
 * In: app/http.ts provides them; tests provide fakes. Out: every file of this folder.
 */
import type { Access } from '../accounts/access.ts';
import type { AuthUrl } from '../accounts/auth/auth-url.ts';
import type { RateLimits } from '../accounts/rate-limit.ts';
import type { TokenTries } from '../accounts/token-tries.ts';
import type { SettingView, StorageView } from '../api/admin-shapes.ts';
import type { AlarmsApi } from '../api/alarms/alarms-api.ts';
import type { ClipsApi } from '../api/clips/clips-api.ts';
import type { DeletionsApi } from '../api/deletions/deletions-api.ts';
import type { EdgePurgesApi } from '../api/deletions/edge-purge-shapes.ts';
import type { ExportsApi, JobsApi } from '../api/jobs/jobs-api.ts';
import type { AssetsApi } from '../api/library/assets-api.ts';
import type { MediaAddress } from '../api/media-address.ts';
import type { NodesApi } from '../api/nodes/nodes-api.ts';
import type { ProbeRequest, ProbeView } from '../api/probe.ts';
import type { PublishPorts } from '../api/publish/publish-address.ts';
import type { PublishKeysApi } from '../api/publish/publish-keys-api.ts';
import type { RtpSessionsApi } from '../api/realtime/rtp-shapes.ts';
import type { WebRtcApi } from '../api/realtime/webrtc-api.ts';
import type { RelaysApi } from '../api/relay/relay-shapes.ts';
import type { ItemSource } from '../api/room/media-server-shapes.ts';
import type { SystemView } from '../api/shapes.ts';
import type { StreamsApi } from '../api/streams-api.ts';
import type {
  DeliveryView,
  NewWebhookView,
  WebhookSettings,
  WebhookTestView,
  WebhookView,
} from '../api/webhook-shapes.ts';
import type { WorkersApi } from '../api/workers/workers-api.ts';
import type { RangeReader } from '../archive/range-reader.ts';
import type { SegmentLocation } from '../archive/segment-store.ts';
import type { EventBus } from '../cluster/event-bus.ts';
import type { Guides } from '../delivery/iptv/guides.ts';
import type { LiveLookup } from '../delivery/live/live-lookup.ts';
import type { Reply } from '../delivery/reply.ts';
import type { Viewers } from '../delivery/viewers.ts';
import type { WorkOptions } from '../delivery/work-budget.ts';
import type { Clock } from '../lib/clock.ts';
import type { Uploads } from '../library/uploads/uploads.ts';
import type { InternalRequests } from '../nodes/internal-requests.ts';
import type { Health } from '../observe/health.ts';
import type { Log } from '../observe/log.ts';
import type { LogRing } from '../observe/log-ring.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { RefusalLog } from '../observe/refusal-log.ts';
import type { Telemetry } from '../observe/traces/telemetry.ts';
import type { Chats } from '../rooms/chat/chats.ts';
import type { MediaServers } from '../rooms/providers/media-servers.ts';
import type { MediaProxy } from '../rooms/proxy/media-proxy.ts';
import type { ItemRecord } from '../rooms/room-record.ts';
import type { Rooms } from '../rooms/rooms.ts';
import type { LocalSignIn } from './client/local-sign-in.ts';
import type { TraceCallers } from './client/trace-callers.ts';
import type { OtherNodes } from './nodes/other-nodes.ts';
import type { RoomSocketLimits } from './rooms/socket-limits.ts';

/** A value now or later. */
export type Awaitable<T> = T | Promise<T>;

/** Context of a request that makes outgoing requests. */
export interface RequestContext {
  readonly signal: AbortSignal;
  /** Trace context of the request; undefined if tracing is off. */
  readonly traceparent?: string | undefined;
}

/** Webhooks, as the API uses them. */
export interface WebhooksApi {
  /** Oldest first. */
  list(): readonly WebhookView[];
  /** Refuses `webhook-unknown`. */
  get(id: string): WebhookView;
  /** Refuses `bad-request`, `limit-reached`. */
  create(settings: WebhookSettings): Promise<NewWebhookView>;
  /** Refuses `webhook-unknown`, `bad-request`. */
  replace(id: string, settings: WebhookSettings): Promise<WebhookView>;
  /** Refuses `webhook-unknown`. */
  remove(id: string): Promise<void>;
  /** Newest first. Refuses `webhook-unknown`. */
  deliveries(id: string): Promise<readonly DeliveryView[]>;
  /** Refuses `webhook-unknown`. */
  test(id: string, options: RequestContext): Promise<WebhookTestView>;
}

/** The settings, as the API uses them. */
export interface SettingsApi {
  /** The effective ones, without secrets. */
  list(): readonly SettingView[];
  /** Sets some in the browser; null: the default again. Refuses `bad-setting`. */
  change(texts: Readonly<Record<string, string | null>>): Promise<void>;
}

/** What the routes and the media responder use. */
export interface HttpDeps {
  readonly streams: StreamsApi;
  /** Alarms, and what happened to streams. */
  readonly alarms: AlarmsApi;
  readonly jobs: JobsApi;
  readonly workers: WorkersApi;
  readonly exports: ExportsApi<Reply>;
  readonly assets: AssetsApi;
  readonly clips: ClipsApi;
  readonly deletions: DeletionsApi;
  readonly edgePurges: EdgePurgesApi;
  /** Publishes and carries events. */
  readonly events: EventBus;
  readonly webhooks: WebhooksApi;
  /**
   * Answers a media request, or throws OxbowError or FormatError.
   *
   * @param options `signal` aborts when the client disconnects or oxbow stops; `budget` is what the client
   *   may still cost
   */
  answer(address: MediaAddress, query: URLSearchParams, options: WorkOptions): Awaitable<Reply>;
  /** Answers live addresses without waiting. */
  readonly lookup: LiveLookup;
  /** Name of the stream that a media address without a name means; undefined while there is no stream. */
  defaultStream?(): string | undefined;
  /** Reads body parts that are stored in files. */
  readonly reader: Pick<RangeReader, 'read' | 'shared'>;
  /** A short-lived address of a stored file in its object store; undefined if it has none. */
  presign?(
    location: SegmentLocation,
    options: { readonly contentType: string; readonly disposition: string },
  ): Promise<string | undefined>;
  system(): Awaitable<SystemView>;
  storage(): Awaitable<StorageView>;
  /** Uploads to the library. */
  readonly uploads: Uploads;
  readonly settings: SettingsApi;
  /** The last lines of the log. */
  readonly logs: Pick<LogRing, 'read'>;
  /** Probes a source URL. Refuses `busy`, `bad-source`, `address-refused`, and as sources do. */
  probe(request: ProbeRequest, options: RequestContext): Promise<ProbeView>;
  /** Programme guides of IPTV players. */
  readonly guides: Guides;
  /** Counts viewers. */
  readonly viewers: Viewers;
  /** Stream keys. */
  readonly publishKeys: PublishKeysApi;
  /** Relays to other servers. */
  readonly relays: RelaysApi;
  /** RTP sessions of publishers. */
  readonly rtp: RtpSessionsApi;
  /** Rooms where people watch together. */
  readonly rooms: Rooms;
  /** Their messages and polls. */
  readonly chats: Chats;
  /** Media servers that people have connected. */
  readonly mediaServers: MediaServers;
  /** Fetches media from elsewhere for members of rooms. */
  readonly mediaProxy: MediaProxy;
  /**
   * Where players load an entry from that is not media of this server; undefined: it is. Refuses as media
   * servers.
   */
  itemSource(room: string, item: Pick<ItemRecord, 'id' | 'target'>): Promise<ItemSource | undefined>;
  /** Ports to publish to, as they are when it is read. */
  readonly publishPorts: PublishPorts;
  /** Sessions of WebRTC. */
  readonly webrtc: WebRtcApi;
  /**
   * The authorization server, which decides who may watch signed and private streams; undefined: playback
   * tokens do.
   */
  readonly auth?: Pick<AuthUrl, 'ask' | 'known'> | undefined;
  /** Limits of the connections to rooms, as they are now; undefined: the usual ones. */
  readonly roomSocketLimits?: (() => RoomSocketLimits) | undefined;
  /** Access control. */
  readonly access: Access;
  /** Decides which clients may sign in without a token. */
  readonly localSignIn: LocalSignIn;
  /** Rate limits per client. */
  readonly limits: RateLimits;
  readonly tokenTries: TokenTries;
  /**
   * Networks and addresses of proxies whose forwarding headers are trusted; those on this computer always
   * are.
   */
  readonly trustedProxies?: readonly string[];
  /** Whose `traceparent` counts; default: of anyone. */
  readonly traceCallers?: TraceCallers;
  /** Host names that a server on a loopback address accepts, besides those of this computer. */
  readonly hosts?: readonly string[];
  /** The nodes of the cluster, for operators; undefined: this server is alone. */
  readonly nodes?: NodesApi | undefined;
  /** The other nodes of the cluster; undefined: this server is alone. */
  readonly otherNodes?: OtherNodes | undefined;
  /** Answers what they request of this one. */
  readonly internalRequests?: InternalRequests | undefined;
  /** Public origin of this server; undefined: the origin of each request. */
  readonly publicUrl?: string | undefined;
  readonly health: Health;
  readonly metrics: Metrics;
  /** Counts and logs refusals that an operator should know of. */
  readonly refusals?: Pick<RefusalLog, 'refused'>;
  /** Records a span for each request, if tracing is on. */
  readonly telemetry?: Pick<Telemetry, 'begin' | 'ended'>;
  readonly clock: Clock;
  readonly log: Log;
  /** oxbow's version, for /version. */
  readonly version: string;
  /** Absolute path of the built interface; the folder may be missing. */
  readonly webRoot: string;
}

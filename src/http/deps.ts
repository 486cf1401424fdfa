/**
 * The dependencies of the HTTP server.
 * In: app/http.ts provides them; tests provide fakes. Out: every file of this folder.
 */
import type { Abilities } from '../accounts/abilities.ts';
import type { SettingView, StorageView, SystemHistory } from '../api/admin-shapes.ts';
import type { EdgePurgesApi } from '../api/deletions/edge-purge-shapes.ts';
import type { JobsApi } from '../api/jobs/jobs-api.ts';
import type { NodesApi } from '../api/nodes/nodes-api.ts';
import type { ProbeRequest, ProbeView } from '../api/probe.ts';
import type { PublishPorts } from '../api/publish/publish-address.ts';
import type { PublishKeysApi } from '../api/publish/publish-keys-api.ts';
import type { RtpSessionsApi } from '../api/realtime/rtp-shapes.ts';
import type { WebRtcApi } from '../api/realtime/webrtc-api.ts';
import type { SystemView } from '../api/shapes.ts';
import type {
  DeliveryView,
  NewWebhookView,
  ReplayView,
  WebhookSettings,
  WebhookTestView,
  WebhookView,
} from '../api/webhook-shapes.ts';
import type { EncodersApi, JobMediaApi, LeasedJobsApi, WorkersApi } from '../api/workers/workers-api.ts';
import type { EventLog } from '../cluster/bus/event-log.ts';
import type { UploadCreation } from '../library/uploads/upload-creation.ts';
import type { Uploads } from '../library/uploads/uploads.ts';
import type { Health } from '../observe/health.ts';
import type { LogLine, LogWish } from '../observe/log-ring.ts';
import type { Awaitable, ServeDeps } from '../serve/deps.ts';

/** Context of a request that makes outgoing requests. */
interface RequestContext {
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
  /** Refuses `webhook-unknown`, `webhook-disabled`, `events-gone`, `bad-request`. */
  replay(id: string, since: string): Promise<ReplayView>;
}

/** The settings, as the API uses them. */
interface SettingsApi {
  /** The effective ones, without secrets. */
  list(): readonly SettingView[];
  /** Sets some in the browser; null: the default again. Refuses `bad-setting`. */
  change(texts: Readonly<Record<string, string | null>>): Promise<void>;
}

/** Dependencies of the routes and the media responder. */
export interface HttpDeps extends ServeDeps {
  /** The dependencies of each feature's routes, by name; only they read it, see features/feature.ts. */
  readonly features: ReadonlyMap<string, unknown>;
  /** The abilities that features give to users. */
  readonly abilities: Abilities;
  readonly jobs: JobsApi;
  readonly workers: WorkersApi;
  readonly encoders: EncodersApi;
  readonly leasedJobs: LeasedJobsApi;
  readonly jobMedia: JobMediaApi;
  /** Purges of edges that changes begin. */
  readonly edgePurges: Pick<EdgePurgesApi, 'begunFor'>;
  /** Past events; undefined: none are kept. */
  readonly eventLog: EventLog | undefined;
  readonly webhooks: WebhooksApi;
  system(): Awaitable<SystemView>;
  systemHistory(): Awaitable<SystemHistory>;
  storage(): Awaitable<StorageView>;
  /** Uploads to the library. */
  readonly uploads: Uploads;
  /** How they begin. */
  readonly uploadCreation: UploadCreation;
  readonly settings: SettingsApi;
  /** The last lines of the log. */
  readonly logs: { read(wish: LogWish): Awaitable<readonly LogLine[]> };
  /** The text of /metrics. */
  printMetrics(): Promise<string>;
  /** Probes a source URL. Refuses `busy`, `bad-source`, `address-refused`, and as sources do. */
  probe(request: ProbeRequest, options: RequestContext): Promise<ProbeView>;
  /** Stream keys. */
  readonly publishKeys: PublishKeysApi;
  /** RTP sessions of publishers. */
  readonly rtp: RtpSessionsApi;
  /** Ports to publish to, as they are when it is read. */
  readonly publishPorts: PublishPorts;
  /** Sessions of WebRTC. */
  readonly webrtc: WebRtcApi;
  /** The nodes of the cluster, for operators; undefined: there is only this server. */
  readonly nodes?: NodesApi | undefined;
  readonly health: Health;
  /** oxbow's version, for /version. */
  readonly version: string;
  /** Absolute path of the built interface; the folder may be missing. */
  readonly webRoot: string;
  /** Where browsers get `/ui/…`, without a slash at the end; default this server. */
  readonly staticUrl?: string | undefined;
}

/**
 * What HTTP needs from the rest of oxbow, and nothing more.
 * In: app/http.ts fills it; tests fill it with fakes. Out: every file of this folder.
 */
import type { Access } from '../accounts/access.ts';
import type { SettingView, StorageView } from '../api/admin-shapes.ts';
import type { ExportsApi, JobsApi } from '../api/jobs-api.ts';
import type { MediaAddress } from '../api/media-address.ts';
import type { ProbeRequest, ProbeView } from '../api/probe.ts';
import type { SystemView } from '../api/shapes.ts';
import type { StreamsApi } from '../api/streams-api.ts';
import type {
  DeliveryView,
  NewWebhookView,
  WebhookSettings,
  WebhookTestView,
  WebhookView,
} from '../api/webhook-shapes.ts';
import type { RangeReader } from '../archive/range-reader.ts';
import type { EventBus } from '../cluster/event-bus.ts';
import type { LiveLookup } from '../delivery/live/live-lookup.ts';
import type { Reply } from '../delivery/reply.ts';
import type { Viewers } from '../delivery/viewers.ts';
import type { Clock } from '../lib/clock.ts';
import type { Health } from '../observe/health.ts';
import type { Log } from '../observe/log.ts';
import type { LogRing } from '../observe/log-ring.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Telemetry } from '../observe/telemetry.ts';
import type { RateLimits } from './api/rate-limit.ts';
import type { TokenTries } from './api/token-tries.ts';
import type { LocalSignIn } from './client/local-sign-in.ts';

/** A value now or later. */
export type Awaitable<T> = T | Promise<T>;

/** What goes along with work that makes requests of its own. */
export interface RequestContext {
  readonly signal: AbortSignal;
  /** Of the request it is done for; undefined where tracing is off. */
  readonly traceparent?: string | undefined;
}

/** Webhooks, as the API meets them. Each call refuses with an OxbowError. */
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

/** Everything behind the routes. */
export interface HttpDeps {
  readonly streams: StreamsApi;
  readonly jobs: JobsApi;
  readonly exports: ExportsApi<Reply>;
  /** What happens. */
  readonly events: EventBus;
  readonly webhooks: WebhooksApi;
  /**
   * Answers a media request, or throws OxbowError or FormatError.
   *
   * @param options `signal` fires when the client goes away or oxbow ends
   */
  answer(address: MediaAddress, query: URLSearchParams, options: { readonly signal: AbortSignal }): Awaitable<Reply>;
  /** What can be said of live addresses without waiting. */
  readonly lookup: LiveLookup;
  /** Name of the stream that is meant where a media address names none; undefined while there is no stream. */
  defaultStream?(): string | undefined;
  /** Reads body parts that are stored in files. */
  readonly reader: Pick<RangeReader, 'read' | 'shared'>;
  system(): Awaitable<SystemView>;
  storage(): Awaitable<StorageView>;
  /** The settings in force, without secrets. */
  settings(): readonly SettingView[];
  /** The last lines of the log. */
  readonly logs: Pick<LogRing, 'read'>;
  /** Looks at an address; refuses `busy`, `bad-source`, `address-refused` and what sources are refused with. */
  probe(request: ProbeRequest, options: RequestContext): Promise<ProbeView>;
  /** Counts who watches. */
  readonly viewers: Viewers;
  /** Who may what. */
  readonly access: Access;
  /** Who may sign in with one press. */
  readonly localSignIn: LocalSignIn;
  /** How often each client may do what costs us something. */
  readonly limits: RateLimits;
  readonly tokenTries: TokenTries;
  /** Networks and addresses of proxies whose word on client, host and scheme is believed; those on this computer always are. */
  readonly trustedProxies?: readonly string[];
  /** Names that a server on a loopback address answers to beside those of this computer. */
  readonly hosts?: readonly string[];
  /** How others reach this server, where that was set; else each request's own address serves. */
  readonly publicUrl?: string | undefined;
  readonly health: Health;
  readonly metrics: Metrics;
  /** Told of each request, where traces are made. */
  readonly telemetry?: Pick<Telemetry, 'begin' | 'ended'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Of oxbow, for /version. */
  readonly version: string;
  /** Folder of the built interface, absolute; it may be missing. */
  readonly webRoot: string;
}

/**
 * What HTTP needs from the rest of oxbow, and nothing more.
 * In: app.ts fills it; tests fill it with fakes. Out: every file of this folder.
 */
import type { Access } from '../accounts/access.ts';
import type { ExportSettings, ExportTicket, JobView } from '../api/job-shapes.ts';
import type { SettingView, StorageView } from '../api/operate-shapes.ts';
import type { ProbeRequest, ProbeView } from '../api/probe.ts';
import type {
  GapView,
  MarkerView,
  PinView,
  StreamSettings,
  StreamView,
  SystemView,
  TimelineView,
} from '../api/shapes.ts';
import type {
  DeliveryView,
  NewWebhookView,
  WebhookSettings,
  WebhookTestView,
  WebhookView,
} from '../api/webhook-shapes.ts';
import type { RangeReader } from '../archive/range-reader.ts';
import type { EventBus } from '../cluster/bus.ts';
import type { LiveNow } from '../delivery/live-now.ts';
import type { Reply } from '../delivery/reply.ts';
import type { Viewers } from '../delivery/viewers.ts';
import type { Clock } from '../lib/clock.ts';
import type { Health } from '../observe/health.ts';
import type { Log } from '../observe/log.ts';
import type { LogRing } from '../observe/log-ring.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Telemetry } from '../observe/telemetry.ts';
import type { LocalSignIn } from './local-sign-in.ts';
import type { RateLimits } from './rate-limit.ts';
import type { TokenTries } from './token-tries.ts';

/** A value now or later. */
export type Awaitable<T> = T | Promise<T>;

/** Told what revision is there when a change's turn has come, undefined for none; throws where another one was meant. */
export type Precondition = (revision: string | undefined) => void;

/** The streams of this oxbow, as the API meets them. Names are valid; each call refuses with an OxbowError. */
export interface StreamsApi {
  /** Every stream, private ones too, in the order in which they should be listed. */
  list(): Awaitable<readonly StreamView[]>;
  get(name: string): Awaitable<StreamView | undefined>;
  /** Refuses `stream-exists`, `managed-elsewhere`, `bad-setting`, `address-refused`. */
  create(name: string, settings: StreamSettings): Promise<StreamView>;
  /** Replaces or makes. Refuses `managed-elsewhere`, `bad-setting`, `address-refused`, and what `check` throws. */
  replace(
    name: string,
    settings: StreamSettings,
    check?: Precondition,
  ): Promise<{ readonly view: StreamView; readonly created: boolean }>;
  /** Refuses `stream-unknown`, `managed-elsewhere`, and what `check` throws. */
  remove(
    name: string,
    options: { readonly recordings: 'keep' | 'delete'; readonly check?: Precondition | undefined },
  ): Promise<void>;
  /** Names the state of its settings; undefined where there is no such stream. */
  revision(name: string): string | undefined;
  /** Returns when the order is accepted, not when it is carried out. Each refuses `stream-unknown`. */
  start(name: string): Promise<void>;
  stop(name: string): Promise<void>;
  restart(name: string): Promise<void>;
  /**
   * All that is known of [fromMs, toMs), ms since 1970; refuses `stream-unknown`. Nothing lies after now.
   *
   * @param resS what is finer may be merged, seconds; 0: nothing, unless there is too much of it
   */
  timeline(name: string, fromMs: number, toMs: number, resS?: number): Promise<TimelineView>;
  /** The gaps of [fromMs, toMs), oldest first. */
  gaps(name: string, fromMs: number, toMs: number): Promise<readonly GapView[]>;
  /** Markers in [fromMs, toMs), oldest first, and where the next page begins. Refuses `stream-unknown`, `bad-request`. */
  markers(
    name: string,
    query: { readonly fromMs: number; readonly toMs: number; readonly cursor?: string | undefined },
  ): Promise<{ readonly items: readonly MarkerView[]; readonly nextCursor: string | null }>;
  /** Refuses `stream-unknown`, `bad-time`, `limit-reached`. */
  addMarker(name: string, marker: { readonly atMs: number; readonly text: string }): Promise<MarkerView>;
  /** Refuses `stream-unknown`, `marker-unknown`. */
  removeMarker(name: string, id: string): Promise<void>;
  /** All pins, oldest first. Refuses `stream-unknown`. */
  pins(name: string): Awaitable<readonly PinView[]>;
  /** Refuses `stream-unknown`, `bad-time`, `window-too-long`, `no-media`, `gone`, `limit-reached`. */
  addPin(
    name: string,
    pin: { readonly fromMs: number; readonly toMs: number; readonly text: string },
  ): Promise<PinView>;
  /** Refuses `stream-unknown`, `pin-unknown`. */
  removePin(name: string, id: string): Promise<void>;
  /** Whether not everyone may watch it (`signed`, `private`); asked for every media request, so a look into memory. */
  isPrivate(name: string): boolean;
  /** Whether somebody set it to `public`, in a file, over the API or by a flag: the default does not count. A look into memory. */
  isMadePublic(name: string): boolean;
}

/** Jobs, as the API meets them. Each call refuses with an OxbowError. */
export interface JobsApi {
  /** A page, newest first. Refuses `bad-request` for what is no cursor. */
  list(wish: {
    readonly limit?: number | undefined;
    readonly cursor?: string | undefined;
  }): Promise<{ readonly items: readonly JobView[]; readonly nextCursor: string | null }>;
  /** Refuses `job-unknown`. */
  get(id: string): Promise<JobView>;
  /** Stops a job, or deletes what it made. Refuses `job-unknown`. */
  cancel(id: string): Promise<JobView>;
  /** Asks for an export. Refuses `stream-unknown`, `bad-time`, `no-media`, `gone`, `window-too-long`, `queue-full`. */
  create(settings: ExportSettings): Promise<JobView>;
  /** The file of an export. Refuses `job-unknown`, `job-unfinished`. */
  file(id: string): Promise<Reply>;
  /** An address of that file that needs no admin token, for a while. Refuses as `file`. */
  ticket(id: string): Promise<ExportTicket>;
  /** The file of a ticket. Refuses `unauthorized`, and as `file`. */
  fileFor(ticket: string): Promise<Reply>;
}

/** What goes along with work that makes requests of its own. */
export interface AskedFor {
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
  test(id: string, options: AskedFor): Promise<WebhookTestView>;
}

/** Everything behind the routes. */
export interface HttpDeps {
  readonly streams: StreamsApi;
  readonly jobs: JobsApi;
  /** What happens. */
  readonly events: EventBus;
  readonly webhooks: WebhooksApi;
  /**
   * Answers a media path (`/live/…`, `/vod/…`, `/clip/…`, `/thumb/…`, `/start/…`), or throws OxbowError or FormatError.
   *
   * @param path as it stands in the request, still percent-encoded, without the query
   * @param options `signal` fires when the viewer goes away or oxbow ends; `accept` is the Accept header or ''
   */
  answer(
    path: string,
    query: URLSearchParams,
    options: { readonly signal: AbortSignal; readonly accept: string },
  ): Awaitable<Reply>;
  /** What can be said of live addresses without waiting. */
  readonly now: LiveNow;
  /** Name of the stream that is meant where a media address names none; undefined while there is no stream. */
  defaultStream?(): string | undefined;
  /** Reads the pieces that lie in files. */
  readonly reader: Pick<RangeReader, 'read' | 'shared'>;
  system(): Awaitable<SystemView>;
  storage(): Awaitable<StorageView>;
  /** The settings in force, without secrets. */
  settings(): readonly SettingView[];
  /** The last lines of the log. */
  readonly logs: Pick<LogRing, 'read'>;
  /** Looks at an address; refuses `busy`, `bad-source`, `address-refused` and what sources are refused with. */
  probe(request: ProbeRequest, options: AskedFor): Promise<ProbeView>;
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

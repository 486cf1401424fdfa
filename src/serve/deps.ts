/**
 * The parts of oxbow that the code needs that turns requests into bytes.
 * In: app/http.ts provides them; tests provide fakes. Out: every file of this folder.
 */
import type { Access } from '../accounts/access.ts';
import type { AuthUrl } from '../accounts/auth/auth-url.ts';
import type { RateLimits } from '../accounts/rate-limit.ts';
import type { TokenTries } from '../accounts/token-tries.ts';
import type { ClipFinder } from '../api/clips/clips-api.ts';
import type { AssetsApi } from '../api/library/assets-api.ts';
import type { MediaAddress } from '../api/media-address.ts';
import type { Steerer } from '../api/steering/steering-shapes.ts';
import type { StreamsApi } from '../api/streams-api.ts';
import type { RangeReader } from '../archive/range-reader.ts';
import type { SegmentLocation, SegmentRange } from '../archive/segment-store.ts';
import type { EventBus } from '../cluster/bus/event-bus.ts';
import type { InternalRequests } from '../cluster/requests/internal-requests.ts';
import type { LiveLookup } from '../delivery/live/live-lookup.ts';
import type { Reply } from '../delivery/reply.ts';
import type { Viewers } from '../delivery/viewers.ts';
import type { WorkOptions } from '../delivery/work-budget.ts';
import type { Clock } from '../lib/clock.ts';
import type { Countries } from '../net/countries/countries.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { RefusalLog } from '../observe/refusal-log.ts';
import type { Telemetry } from '../observe/traces/telemetry.ts';
import type { LocalSignIn } from './client/local-sign-in.ts';
import type { TraceCallers } from './client/trace-callers.ts';
import type { OtherNodes } from './other-nodes.ts';

/** A value now or later. */
export type Awaitable<T> = T | Promise<T>;

/** Where viewers get stored bytes without oxbow. */
export interface DirectAddresses {
  /**
   * An address that anyone can read for minutes; undefined: there is none, or the object store does not
   * answer viewers now.
   */
  find(range: SegmentRange): Promise<string | undefined>;
  /** A viewer had no success with such an address: the object store is looked at again. */
  doubt(range: SegmentRange): Promise<void>;
  /** Of all such addresses, e.g. `https://s3.example`: pages of the interface may request media there. */
  origins(): readonly string[];
}

/** What media responders, the hot responder and connections use. */
export interface ServeDeps {
  readonly streams: StreamsApi;
  readonly assets: AssetsApi;
  /** Clips that have an address. */
  readonly clips: Pick<ClipFinder, 'facts'>;
  /** Where players are sent; undefined: nothing is steered. */
  readonly steering?: Steerer | undefined;
  /** Publishes and carries events. */
  readonly events: EventBus;
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
  /** Addresses of stored bytes in their object store, for viewers of the past; undefined: none has any. */
  readonly direct?: DirectAddresses;
  /** Counts viewers. */
  readonly viewers: Viewers;
  /**
   * The authorization server, which decides who may watch signed and private streams; undefined: playback
   * tokens do.
   */
  readonly auth?: Pick<AuthUrl, 'ask' | 'known'> | undefined;
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
  /** Header field in which they report the country of a client, in lower case; default: none. */
  readonly countryHeader?: string;
  /** Of clients whose country no proxy reports; default: none is known. */
  readonly countries?: Countries;
  /** Whose `traceparent` counts; default: of anyone. */
  readonly traceCallers?: TraceCallers;
  /** Host names that a server on a loopback address accepts, in addition to those of this computer. */
  readonly hosts?: readonly string[];
  /** The other nodes of the cluster; undefined: there is only this server. */
  readonly otherNodes?: OtherNodes | undefined;
  /** Answers their requests to this one. */
  readonly internalRequests?: InternalRequests | undefined;
  /** Public origin of this server; undefined: the origin of each request. */
  readonly publicUrl?: string | undefined;
  /** The field Alt-Svc of every answer; undefined: none. */
  readonly altSvc?: string | undefined;
  readonly metrics: Metrics;
  /** Counts and logs refusals that an operator should know of. */
  readonly refusals?: Pick<RefusalLog, 'refused'>;
  /** Records a span for each request, if tracing is on. */
  readonly telemetry?: Pick<Telemetry, 'begin' | 'ended'>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * One row of the table of routes: method, path, access, schemas, summary, handler.
 * In: the files of this folder, one per feature. Out: api.ts builds the router and OpenAPI from the rows.
 */
import type { Readable } from 'node:stream';
import type { Static, TSchema } from 'typebox';
import type { Principal } from '../../accounts/principal.ts';
import type { LimitName } from '../../accounts/rate-limit.ts';
import type { Reply } from '../../delivery/reply.ts';
import type { RequestClient } from '../../serve/client/authenticate.ts';
import type { ConnectionEnds } from '../../serve/client/socket-owner.ts';
import type { Awaitable } from '../../serve/deps.ts';
import type { Elsewhere } from '../../serve/other-nodes.ts';
import type { HttpDeps } from '../deps.ts';
import type { EventFilter, EventSubscriber } from '../events/event-filter.ts';
import type { OpenLines } from '../events/json-lines.ts';

/**
 * Required permission. `anyone`: none. `viewer`: none, but signed and private streams need a playback token
 * or credentials. `operator`: from this computer, with a token or signed in. `uploader`: administrators, and
 * tokens with the scope `upload`. `worker`: administrators, and tokens with the scope `worker`. `admin`:
 * administrators, by token or signed in. `watcher`: administrators, and users who may watch signed streams.
 * `self`: administrators, users and guests. `user`: everyone with an account. `person`: everyone with an
 * account, and guests, also on their television, which has neither `operator`, `self` nor `user`.
 * accounts/permissions.ts decides.
 */
export type RouteAccess =
  | 'anyone'
  | 'viewer'
  | 'operator'
  | 'uploader'
  | 'worker'
  | 'admin'
  | 'watcher'
  | 'self'
  | 'user'
  | 'person';

/** A request, checked against the row's schemas. */
export interface RouteCall<P = unknown, Q = unknown, B = unknown> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** The body as it arrives, of a row with `streams`. The server discards unread bytes. */
  readonly stream: Readable;
  readonly principal: Principal;
  readonly client: RequestClient;
  /** Ends of the connection that the request uses. */
  readonly ends: ConnectionEnds;
  /** The playback token before the path, as it came; undefined if there is none. */
  readonly token: string | undefined;
  /**
   * Whether the client may see a signed or private stream. Throws the refusal of an invalid playback token.
   */
  sees(stream: string): boolean;
  /** The client as a subscriber to events; throws as `subscriberOf`. */
  subscriber(filter: EventFilter): EventSubscriber;
  /** Directly from this computer, or with credentials. */
  readonly isOperator: boolean;
  /** The Accept header, or ''. */
  readonly accept: string;
  /** A header of the request by its name in lower case. */
  readonly header: (name: string) => string | undefined;
  /** The same list on the other nodes of the cluster, or their answers to a GET of another path. */
  elsewhere(path?: string): Promise<Elsewhere>;
  /**
   * Creates something of a stream at the node that owns it, with the credentials of the caller.
   *
   * @param path below which it is created
   * @returns its view; undefined: this node owns the stream, or it is unknown
   * @throws OxbowError as that node refuses it; `not-ready`
   */
  createAtOwner(stream: string, path: string, body: unknown): Promise<unknown>;
  /** Aborts when the client disconnects before the answer. */
  readonly signal: AbortSignal;
  /** Id of the request in logs and problem documents. */
  readonly traceId: string;
  /** Trace context for outgoing requests; undefined if tracing is off. */
  readonly traceparent: string | undefined;
}

export interface RouteAnswer {
  /** 200 by default. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** Serialized by the schema of its status; a string is sent unchanged. */
  readonly body?: unknown;
  /** A file in place of a body: sent whole or by range, as requested. */
  readonly file?: Reply;
  /** In place of a body: events, until either side ends the connection. */
  readonly events?: { readonly filter: EventFilter; readonly subscriber: EventSubscriber };
  /** In place of a body: lines of JSON, until either side ends the connection. */
  readonly lines?: OpenLines;
}

/** A row. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Parameters are written `:name`. */
  readonly path: string;
  /** Chapter of the reference. */
  readonly tag:
    | 'streams'
    | 'timeline'
    | 'players'
    | 'alarms'
    | 'insight'
    | 'clips'
    | 'angles'
    | 'cases'
    | 'library'
    | 'jobs'
    | 'workers'
    | 'events'
    | 'webhooks'
    | 'access'
    | 'accounts'
    | 'publish'
    | 'rooms'
    | 'uploads'
    | 'system'
    | 'health';
  readonly access: RouteAccess;
  /** Summary for OpenAPI and the reference. */
  readonly sentence: string;
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly body?: TSchema;
  /**
   * Media types of a body that is a file; `body` of the call is its bytes, or a stream of them for
   * `application/octet-stream`.
   */
  readonly bodyTypes?: readonly string[];
  /** Longest body, bytes; 1 MiB by default. */
  readonly maxBodyBytes?: number;
  /** Requests that programs send all the time: they are not in the audit log. */
  readonly isRoutine?: boolean;
  /** The body is not read before `answer`, which gets it as `stream`; of any media type. */
  readonly streams?: boolean;
  /** Media types of an answer that is a file; those of exports by default. */
  readonly fileTypes?: readonly string[];
  /** Schema of the body for each status; undefined: no body. */
  readonly replies: Readonly<Record<number, TSchema | undefined>>;
  /**
   * Pages of other sites may read the answers, as `<oxbow-player>` needs, and send a POST without
   * credentials.
   */
  readonly anyPage?: boolean;
  /**
   * Supports Idempotency-Key: a repeated request gets the first answer again. `stored`: the row itself sees
   * to it.
   */
  readonly repeatable?: boolean | 'stored';
  /** Rate limit that applies; `writes` by default for methods other than GET. */
  readonly limit?: LimitName;
  /** Supports If-Match. */
  readonly conditional?: boolean;
  answer(call: RouteCall, deps: HttpDeps): Awaitable<RouteAnswer>;
}

type ValueOf<S> = S extends TSchema ? Static<S> : undefined;

/** Types a row, so that its `answer` gets the types of the row's schemas. */
export function defineRoute<
  P extends TSchema | undefined = undefined,
  Q extends TSchema | undefined = undefined,
  B extends TSchema | undefined = undefined,
>(
  row: Omit<Route, 'params' | 'query' | 'body' | 'answer'> & {
    readonly params?: P;
    readonly query?: Q;
    readonly body?: B;
    answer(call: RouteCall<ValueOf<P>, ValueOf<Q>, ValueOf<B>>, deps: HttpDeps): Awaitable<RouteAnswer>;
  },
): Route {
  // The router validates requests against the schemas before it calls `answer`, so these types hold.
  return row as unknown as Route;
}

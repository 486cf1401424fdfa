/**
 * One row of the table of routes: method, path, who may, schemas, a sentence, and what answers.
 * In: the files of this folder, one a feature. Out: api.ts makes the router and OpenAPI from the rows.
 */
import type { Static, TSchema } from 'typebox';
import type { Reply } from '../../delivery/reply.ts';
import type { Principal } from '../api/authenticate.ts';
import type { LimitName } from '../api/rate-limit.ts';
import type { RequestClient } from '../client/request-client.ts';
import type { ConnectionEnds } from '../client/socket-owner.ts';
import type { Awaitable, HttpDeps } from '../deps.ts';
import type { EventFilter, EventSubscriber } from '../events/event-filter.ts';

/**
 * Who may ask. `anyone`: everybody. `viewer`: everybody, but only those with a right hear of signed and private streams.
 * `operator`: from this computer, with a token or signed in. `admin`: administrators, by token or signed in.
 */
export type RouteAccess = 'anyone' | 'viewer' | 'operator' | 'admin';

/** A request, checked against the row's schemas. */
export interface RouteCall<P = unknown, Q = unknown, B = unknown> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly isAdmin: boolean;
  readonly principal: Principal;
  readonly client: RequestClient;
  /** Of the connection that the request came by. */
  readonly ends: ConnectionEnds;
  /** Whether they may hear of a stream that is not for everyone. */
  sees(stream: string): boolean;
  /** Who they are to those who tell events; refuses as `subscriberOf`. */
  subscriber(filter: EventFilter): EventSubscriber;
  /** From this computer and through no proxy, or one who may see everything. */
  readonly isOperator: boolean;
  /** The Accept header, or ''. */
  readonly accept: string;
  /** A header of the request by its name in lower case. */
  readonly header: (name: string) => string | undefined;
  /** Fires when whoever asked goes away before there is an answer. */
  readonly signal: AbortSignal;
  /** What goes along with requests that are made for it; undefined where tracing is off. */
  readonly traceparent: string | undefined;
}

/** What a route answers. */
export interface RouteAnswer {
  /** 200 unless said. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON by the schema of its status; a string is sent as it is. */
  readonly body?: unknown;
  /** A file in place of a body: sent whole or by range, as the request asks. */
  readonly file?: Reply;
  /** In place of a body: events, for as long as both sides want. */
  readonly events?: { readonly filter: EventFilter; readonly subscriber: EventSubscriber };
}

/** A row. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `:name` for parameters. */
  readonly path: string;
  /** Chapter of the reference. */
  readonly tag: 'streams' | 'timeline' | 'jobs' | 'events' | 'webhooks' | 'access' | 'system' | 'health';
  readonly access: RouteAccess;
  /** What it does, in a sentence. */
  readonly sentence: string;
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly body?: TSchema;
  /** Media types of a body that is a file; `body` of the call is its bytes. */
  readonly bodyTypes?: readonly string[];
  /** Media types of an answer that is a file; those of exports unless said. */
  readonly fileTypes?: readonly string[];
  /** Schema of each answer, undefined for none. */
  readonly replies: Readonly<Record<number, TSchema | undefined>>;
  /** Pages of other hosts may read the answers: what `<oxbow-player>` asks there. Only for GET without a token. */
  readonly anyPage?: boolean;
  /** Repeating it with the same Idempotency-Key gives the first answer again. */
  readonly repeatable?: boolean;
  /** What it counts as where requests are limited; those that change something are `writes` unless said. */
  readonly limit?: LimitName;
  /** It honours If-Match. */
  readonly conditional?: boolean;
  answer(call: RouteCall, deps: HttpDeps): Awaitable<RouteAnswer>;
}

type ValueOf<S> = S extends TSchema ? Static<S> : undefined;

/** A row whose `answer` knows the types of its own schemas. */
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
  // The schemas have been checked by the time `answer` is called, so the types it was written with hold.
  return row as unknown as Route;
}

/**
 * What a feature is: the one value that its folder exports, from which app builds the program.
 * In: the core of the program, as it is open. Out: rows for the tables of routes, settings, error codes,
 * metrics and events; its open state, for its routes only. docs/decisions/0086-features-are-modules.md.
 */
import type { Static, TSchema } from 'typebox';
import type { AddToHttp, HttpAdditions } from '../http/additions.ts';
import type { HttpDeps } from '../http/deps.ts';
import type { Route, RouteAnswer, RouteCall } from '../http/route/route.ts';
import type { Awaitable } from '../serve/deps.ts';
import type { AppContext, Parts } from './core.ts';

/** A feature, as app uses it. */
export interface Feature {
  /** Name of its folder. */
  readonly name: string;
  /** Its rows of the API. */
  readonly routes: readonly Route[];
  /** The routes of the core that its routes follow in the reference. */
  readonly after?: readonly Route[] | undefined;
  /** Further HTTP answers. */
  readonly additions?: AddToHttp | undefined;
  /** What it adds to tables of the core: the core imports the same files, so that types know every row. */
  readonly adds: Additions;
  /** Opens it; what it opened is closed in reverse order with `opened` of the context. */
  open(app: AppContext, parts: CoreParts): Awaitable<OpenFeature<unknown>>;
}

/** Rows of the tables of the core. Keys are those of the tables. */
interface Additions {
  /** In config/schema.ts; `section.name` is a setting of a section of the core. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** In lib/errors.ts. */
  readonly refusals?: Readonly<Record<string, unknown>>;
  /** In observe/metric-table.ts. */
  readonly metrics?: Readonly<Record<string, unknown>>;
  /** In api/events.ts. */
  readonly events?: Readonly<Record<string, unknown>>;
}

/** The open parts of the core that features use. */
export type CoreParts = Pick<
  Parts,
  | 'store'
  | 'changes'
  | 'net'
  | 'countries'
  | 'nodes'
  | 'placement'
  | 'bus'
  | 'ownEvents'
  | 'disk'
  | 'recordings'
  | 'streams'
  | 'catalog'
  | 'jobs'
  | 'jobKinds'
  | 'library'
  | 'accounts'
  | 'delivery'
  | 'streamsApi'
  | 'publishPorts'
  | 'webrtc'
  | 'health'
  | 'hooks'
>;

export interface OpenFeature<Own> {
  /** For its routes. */
  readonly own: Own;
  /** Called once the streams are open and HTTP listens. */
  start?(): Awaitable<void>;
}

/** A row whose answer gets what the feature opened. */
export interface FeatureRoute<Own> extends Omit<Route, 'answer'> {
  answer(call: RouteCall, own: Own, deps: HttpDeps): Awaitable<RouteAnswer>;
}

type ValueOf<S> = S extends TSchema ? Static<S> : undefined;

/** Returns a function that types rows: `answer` gets the types of the row's schemas, and `own`. */
export function rowsFor<Own>() {
  return <
    P extends TSchema | undefined = undefined,
    Q extends TSchema | undefined = undefined,
    B extends TSchema | undefined = undefined,
  >(
    row: Omit<Route, 'params' | 'query' | 'body' | 'answer'> & {
      readonly params?: P;
      readonly query?: Q;
      readonly body?: B;
      answer(call: RouteCall<ValueOf<P>, ValueOf<Q>, ValueOf<B>>, own: Own, deps: HttpDeps): Awaitable<RouteAnswer>;
    },
    // The router validates requests against the schemas before it calls `answer`, so these types hold.
  ): FeatureRoute<Own> => row as unknown as FeatureRoute<Own>;
}

/** Makes a feature of its rows and the function that opens it. */
export function defineFeature<Own>({
  name,
  routes = [],
  after,
  additions,
  adds = {},
  open,
}: {
  readonly name: string;
  readonly routes?: readonly FeatureRoute<Own>[];
  readonly after?: readonly Route[];
  additions?(own: Own, deps: HttpDeps): HttpAdditions;
  readonly adds?: Additions;
  open(app: AppContext, parts: CoreParts): Awaitable<OpenFeature<Own>>;
}): Feature {
  const ownOf = ({ features }: HttpDeps) => features.get(name) as Own;
  const rows = routes.map(({ answer, ...row }) => ({
    ...row,
    answer: (call: RouteCall, deps: HttpDeps) => answer(call, ownOf(deps), deps),
  }));
  return { name, routes: rows, after, additions: additions && ((deps) => additions(ownOf(deps), deps)), adds, open };
}

/**
 * Routes of insight: the audience, the quality of playback, where viewers leave, what they watch again, and
 * sessions; and the collector of CMCD.
 * In: a range of time and filters; reports of players. Out: the shapes of api/insight; 204.
 */
import type { InsightScope } from '../../api/insight/insight-api.ts';
import {
  Audience,
  AudienceNow,
  BUCKET_S,
  MOST_CSV_SESSIONS,
  MOST_KEYS,
  MOST_SERIES,
  MOST_SESSIONS,
  MOST_STEPS,
  PlaybackQuality,
  Retention,
  ViewingSession,
  WatchHeat,
} from '../../api/insight/insight-shapes.ts';
import { StreamName } from '../../api/stream/stream-name.ts';
import { Type } from '../../api/type.ts';
import { NextCursor } from '../../http/route/page-query.ts';
import type { RouteAnswer } from '../../http/route/route.ts';
import { RangeQuery, readRange } from '../../http/routes/streams/timeline.ts';
import { rowsFor } from '../feature.ts';
import { collectorRoute, type Insight } from './collector-route.ts';
import { printSessions } from './sessions-csv.ts';

const USUAL_SESSIONS = 100;
const USUAL_TOP = 10;
/** In a query: this server. */
const HERE = 'here';
/** In a query: an unknown country. */
const UNKNOWN = 'unknown';

const Asset = Type.String({ pattern: '^[A-Za-z0-9_-]{1,80}$', description: 'id of an asset' });
const Scope = {
  stream: Type.Optional(Type.String({ ...StreamName, description: 'only of this stream' })),
  asset: Type.Optional(Type.String({ ...Asset, description: 'only of this asset' })),
  edge: Type.Optional(
    Type.String({ maxLength: 128, description: 'only through the edge with this host name; `here`: this server' }),
  ),
  country: Type.Optional(
    Type.String({ pattern: '^([A-Z]{2}|unknown)$', description: 'only from this country, ISO 3166-1; or `unknown`' }),
  ),
};
const Resolution = Type.Optional(
  Type.String({ pattern: '^[0-9]{1,7}$', description: 'Length of a step in seconds. Default: by the range.' }),
);
const closed = { additionalProperties: false };
const key = (names: readonly string[], description: string) =>
  Type.Optional(
    Type.Union(
      names.map((name) => Type.Literal(name)),
      { description },
    ),
  );

const NowQuery = Type.Object(Scope, closed);
const AudienceQuery = Type.Object(
  {
    ...Scope,
    ...RangeQuery.properties,
    by: key(
      ['stream', 'asset', 'edge', 'country'],
      `One series for each, the ${MOST_SERIES} largest. Default: all in one.`,
    ),
    res: Resolution,
  },
  closed,
);
const QualityQuery = Type.Object(
  {
    ...Scope,
    ...RangeQuery.properties,
    by: key(
      ['stream', 'asset', 'edge', 'country', 'hour'],
      `One item for each, the ${MOST_KEYS} most watched. Default: all in one.`,
    ),
    exact: Type.Optional(
      Type.Union([Type.Literal('true'), Type.Literal('false')], {
        description:
          'From the rows of sessions, to the minute, and not from sums of whole hours. At most 31 days, within `insight.keep`.',
      }),
    ),
  },
  closed,
);
const HeatQuery = Type.Object(
  {
    stream: StreamName,
    ...RangeQuery.properties,
    res: Type.Optional(
      Type.String({
        pattern: '^[0-9]{1,7}$',
        description: `Length of a step in seconds, ${BUCKET_S} or more. Default: by the range.`,
      }),
    ),
    top: Type.Optional(
      Type.String({
        pattern: '^([1-9][0-9]?|100)$',
        description: `Number of the most watched steps. Default: ${USUAL_TOP}.`,
      }),
    ),
  },
  closed,
);
const RetentionQuery = Type.Object({ asset: Asset, ...RangeQuery.properties }, closed);
const SessionsQuery = Type.Object(
  {
    ...Scope,
    ...RangeQuery.properties,
    limit: Type.Optional(
      Type.String({
        pattern: '^[1-9][0-9]{0,4}$',
        description: `sessions per page, at most ${MOST_SESSIONS}, or ${MOST_CSV_SESSIONS} with \`format=csv\`; default ${USUAL_SESSIONS}, or all that are permitted`,
      }),
    ),
    cursor: Type.Optional(Type.String({ maxLength: 80, description: '`nextCursor` of the answer before this one' })),
    format: Type.Optional(
      Type.Union([Type.Literal('json'), Type.Literal('csv')], {
        description:
          '`csv`: a file with one line for each session; the header `Oxbow-Next-Cursor` has the cursor of the rest',
      }),
    ),
  },
  closed,
);

const QualityList = Type.Object(
  { items: Type.Array(PlaybackQuality, { maxItems: MOST_STEPS }), nextCursor: Type.Null() },
  { $id: 'PlaybackQualityList' },
);
const SessionList = Type.Object(
  { items: Type.Array(ViewingSession, { maxItems: MOST_SESSIONS }), nextCursor: NextCursor },
  { $id: 'ViewingSessionList' },
);

/** The filters of a query. */
function scopeOf({ stream, asset, edge, country }: InsightScope): InsightScope {
  return { stream, asset, edge: edge === HERE ? '' : edge, country: country === UNKNOWN ? '' : country };
}

const defineRoute = rowsFor<Insight>();
const BASE = '/api/v1/insight';

/** The rows. */
export const insightRoutes = [
  collectorRoute,
  defineRoute({
    method: 'GET',
    path: `${BASE}/now`,
    tag: 'insight',
    access: 'admin',
    sentence:
      'Returns how many sessions play now, by stream, asset, edge and country. Other nodes are up to two minutes behind.',
    query: NowQuery,
    replies: { 200: AudienceNow },
    answer: async ({ query }, { api }) => ({ body: await api.now(scopeOf(query)) }),
  }),
  defineRoute({
    method: 'GET',
    path: `${BASE}/audience`,
    tag: 'insight',
    access: 'admin',
    sentence: 'Returns the audience over time, for charts: of everything, or by stream, asset, edge or country.',
    query: AudienceQuery,
    replies: { 200: Audience },
    answer: async ({ query }, { api }, deps) => ({
      body: await api.audience(scopeOf(query), readRange(query, deps), query.by as never, Number(query.res ?? 0)),
    }),
  }),
  defineRoute({
    method: 'GET',
    path: `${BASE}/quality`,
    tag: 'insight',
    access: 'admin',
    sentence:
      'Returns how well it played in a range of time: start-up times, stalls, bitrate and errors, by stream, asset, edge, country or hour.',
    query: QualityQuery,
    replies: { 200: QualityList },
    answer: async ({ query }, { api }, deps) => ({
      body: {
        items: await api.quality(scopeOf(query), readRange(query, deps), query.by as never, {
          exact: query.exact === 'true',
        }),
        nextCursor: null,
      },
    }),
  }),
  defineRoute({
    method: 'GET',
    path: `${BASE}/heat`,
    tag: 'insight',
    access: 'admin',
    sentence:
      'Returns which seconds of the past of a stream were watched most, and where its viewers left. The range is one of the media.',
    query: HeatQuery,
    replies: { 200: WatchHeat },
    answer: async ({ query }, { api }, deps) => ({
      body: await api.heat(
        query.stream,
        readRange(query, deps),
        Number(query.res ?? 0),
        Number(query.top ?? USUAL_TOP),
      ),
    }),
  }),
  defineRoute({
    method: 'GET',
    path: `${BASE}/retention`,
    tag: 'insight',
    access: 'admin',
    sentence:
      'Returns how far viewers of an asset watch: the share of the sessions at each of its seconds, and where they left.',
    query: RetentionQuery,
    replies: { 200: Retention },
    answer: async ({ query }, { api }, deps) => ({ body: await api.retention(query.asset, readRange(query, deps)) }),
  }),
  defineRoute({
    method: 'GET',
    path: `${BASE}/sessions`,
    tag: 'insight',
    access: 'admin',
    sentence: 'Lists the sessions that began in a range of time, oldest first, as JSON or CSV.',
    query: SessionsQuery,
    replies: { 200: SessionList },
    async answer({ query }, { api }, deps): Promise<RouteAnswer> {
      const isCsv = query.format === 'csv';
      const most = isCsv ? MOST_CSV_SESSIONS : MOST_SESSIONS;
      const limit = Math.min(most, Number(query.limit ?? (isCsv ? most : USUAL_SESSIONS)));
      const page = await api.sessions(scopeOf(query), readRange(query, deps), { limit, cursor: query.cursor });
      if (!isCsv) return { body: page };
      return {
        headers: {
          'content-type': 'text/csv; charset=utf-8',
          'content-disposition': 'attachment; filename="sessions.csv"',
          ...(page.nextCursor !== null && { 'oxbow-next-cursor': page.nextCursor }),
        },
        body: printSessions(page.items),
      };
    },
  }),
];

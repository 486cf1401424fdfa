/**
 * Routes of a stream's figures: what its publisher sends now and sent in the past, for administrators.
 * In: requests below /api/v1/streams/{name}/stats. Out: StreamStats, StatsHistory.
 */
import { StatsHistory, StreamStats } from '../../../api/stats-shapes.ts';
import { Type } from '../../../api/type.ts';
import { defineRoute, type Route } from '../route.ts';
import { NameParams } from './streams.ts';
import { RangeQuery, readRange } from './timeline.ts';

const HistoryQuery = Type.Object(
  {
    ...RangeQuery.properties,
    res: Type.Optional(
      Type.String({
        pattern: '^[0-9]{1,6}$',
        description:
          'Length of a step in seconds, at least 5. Default: at most 1,000 steps for the range; always at most 2,000.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** The rows. */
export const statsRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/stats',
    tag: 'streams',
    access: 'admin',
    sentence:
      'Returns what the publisher of a stream sends now (bitrate, frame rate, key frames, round trip time, loss), and what to change.',
    params: NameParams,
    replies: { 200: StreamStats },
    answer: ({ params: { name } }, { streams }) => ({ body: streams.stats(name) }),
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/stats/history',
    tag: 'streams',
    access: 'admin',
    sentence: 'Returns the figures of a stream over time, for charts. They are kept as long as recordings.',
    params: NameParams,
    query: HistoryQuery,
    replies: { 200: StatsHistory },
    async answer({ params: { name }, query }, deps) {
      const { fromMs, toMs } = readRange(query, deps);
      return { body: await deps.streams.statsHistory(name, fromMs, toMs, Number(query.res ?? 0)) };
    },
  }),
];

/**
 * Routes of a stream's figures: what its publisher sends now and sent in the past, for administrators.
 * In: requests below /api/v1/streams/{name}/stats. Out: StreamStats, StatsHistory.
 */
import { StatsHistory, StreamStats } from '../../../api/measure/stats-shapes.ts';
import { defineRoute, type Route } from '../../route/route.ts';
import { NameParams } from './streams.ts';
import { readRange, StepsQuery } from './timeline.ts';

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
    query: StepsQuery,
    replies: { 200: StatsHistory },
    async answer({ params: { name }, query }, deps) {
      const { fromMs, toMs } = readRange(query, deps);
      return { body: await deps.streams.statsHistory(name, fromMs, toMs, Number(query.res ?? 0)) };
    },
  }),
];

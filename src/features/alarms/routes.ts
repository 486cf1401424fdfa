/**
 * Routes of alarms: list, acknowledge, mute; the rules of a stream, and what happened to it around an
 * instant.
 * In: requests of administrators. Out: AlarmView, StreamAlarms, StreamHappened.
 */
import {
  AlarmCodeView,
  AlarmMute,
  AlarmMuteSettings,
  AlarmView,
  StreamAlarms,
  StreamHappened,
} from '../../api/alarms/alarm-shapes.ts';
import type { AlarmsApi } from '../../api/alarms/alarms-api.ts';
import { Type } from '../../api/type.ts';
import { instantForms, readInstant } from '../../http/route/instant-field.ts';
import { IdParams, NextCursor } from '../../http/route/page-query.ts';
import { NameParams } from '../../http/routes/streams/streams.ts';
import { RangeQuery, readRange } from '../../http/routes/streams/timeline.ts';
import { OxbowError } from '../../lib/errors.ts';
import { rowsFor } from '../feature.ts';

/** Alarms of a page without `limit`, and at most. */
const [USUAL, MOST] = [100, 500];
/** Before and after the instant, if no range is given, ms. */
const AROUND_MS = 300_000;

const AlarmList = Type.Object({ items: Type.Array(AlarmView), nextCursor: NextCursor }, { $id: 'AlarmList' });
const AlarmQuery = Type.Object(
  {
    state: Type.Optional(
      Type.Union([Type.Literal('active'), Type.Literal('past'), Type.Literal('all')], { description: 'default: all' }),
    ),
    stream: Type.Optional(Type.String({ maxLength: 64, description: 'only of this stream' })),
    alarm: Type.Optional(AlarmCodeView),
    limit: Type.Optional(
      Type.String({ pattern: '^[1-9][0-9]{0,2}$', description: `alarms per page, at most ${MOST}; default ${USUAL}` }),
    ),
    cursor: Type.Optional(Type.String({ maxLength: 80, description: '`nextCursor` of the answer before this one' })),
  },
  { additionalProperties: false },
);
const HappenedQuery = Type.Object(
  {
    at: Type.Optional(Type.String({ maxLength: 64, description: `${instantForms} Default: the end of the range.` })),
    ...RangeQuery.properties,
  },
  { additionalProperties: false },
);

const defineRoute = rowsFor<AlarmsApi>();

/** The rows. */
export const alarmRoutes = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/alarms',
    tag: 'alarms',
    access: 'admin',
    sentence: 'Lists alarms of all streams, active and past ones, the newest first.',
    query: AlarmQuery,
    replies: { 200: AlarmList },
    answer: async ({ query: { state = 'all', limit, ...query } }, alarms) => ({
      body: await alarms.list({ ...query, state, limit: Math.min(MOST, Number(limit ?? USUAL)) }),
    }),
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/alarms/:id/acknowledge',
    tag: 'alarms',
    access: 'admin',
    sentence: 'Notes that a person knows of an alarm. It stays active until its cause is gone.',
    params: IdParams,
    replies: { 200: AlarmView },
    answer: async ({ params: { id }, principal }, alarms) => ({
      body: await alarms.acknowledge(id, principal.name),
    }),
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/alarms',
    tag: 'alarms',
    access: 'admin',
    sentence: 'Returns the rules of alarms of a stream as they are in force, and whether it is muted.',
    params: NameParams,
    replies: { 200: StreamAlarms },
    answer: ({ params: { name } }, alarms) => ({ body: alarms.rules(name) }),
  }),
  defineRoute({
    method: 'PUT',
    path: '/api/v1/streams/:name/alarms/mute',
    tag: 'alarms',
    access: 'admin',
    sentence:
      'Mutes a stream for a while, for maintenance: no alarm is raised. What still is the case is raised afterwards.',
    params: NameParams,
    body: AlarmMuteSettings,
    replies: { 200: AlarmMute },
    answer: async ({ params: { name }, body, principal }, alarms) => ({
      body: await alarms.mute(name, body, principal.name),
    }),
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/streams/:name/alarms/mute',
    tag: 'alarms',
    access: 'admin',
    sentence: 'Ends the muting of a stream.',
    params: NameParams,
    replies: { 204: undefined },
    async answer({ params: { name } }, alarms) {
      await alarms.unmute(name);
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/history',
    tag: 'alarms',
    access: 'admin',
    sentence:
      'Returns what happened to a stream around an instant: gaps, publishers, alarms, changes of settings, and the figures of that minute.',
    params: NameParams,
    query: HappenedQuery,
    replies: { 200: StreamHappened },
    async answer({ params: { name }, query: { at, ...range } }, alarms, deps) {
      const atMs = at === undefined ? undefined : readInstant('at', at);
      const hasRange = range.from !== undefined || range.to !== undefined;
      const { fromMs, toMs } =
        atMs !== undefined && !hasRange ? { fromMs: atMs - AROUND_MS, toMs: atMs + AROUND_MS } : readRange(range, deps);
      const shownMs = atMs ?? toMs - 1;
      if (shownMs < fromMs || shownMs >= toMs) throw new OxbowError('bad-time', '`at` must be in the range.');
      return { body: await alarms.happened(name, { fromMs, toMs, atMs: shownMs }) };
    },
  }),
];

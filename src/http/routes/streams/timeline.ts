/**
 * Routes of a stream's timeline and its gaps.
 * In: a time range in any accepted form. Out: TimelineView, GapView.
 */
import { ActivityView } from '../../../api/measure/activity.ts';
import { GapView, TimelineView } from '../../../api/shapes.ts';
import { Type } from '../../../api/type.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { HttpDeps } from '../../deps.ts';
import { endForms, instantForms, readEnd, readInstant } from '../../route/instant-field.ts';
import { defineRoute, type Route } from '../../route/route.ts';
import { visibleRange } from '../../route/visible-past.ts';
import { findStream, NameParams } from './streams.ts';

const DAY_MS = 24 * 3_600_000;
const LONGEST_MS = 31 * DAY_MS;

/** A range of time. */
export const RangeQuery = Type.Object(
  {
    from: Type.Optional(Type.String({ maxLength: 64, description: `${instantForms} Default: a day before \`to\`.` })),
    to: Type.Optional(Type.String({ maxLength: 64, description: `${endForms} Default: now.` })),
  },
  { additionalProperties: false },
);
const TimelineQuery = Type.Object(
  {
    ...RangeQuery.properties,
    res: Type.Optional(
      Type.String({
        pattern: '^[0-9]{1,6}$',
        description:
          'Resolution in seconds: shorter items may be merged, with their sums kept. Default: only merged where there are too many. From 600, windows are omitted.',
      }),
    ),
  },
  { additionalProperties: false },
);
/** A range in steps of equal length. */
export const StepsQuery = Type.Object(
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
const GapList = Type.Object({ items: Type.Array(GapView), nextCursor: Type.Null() }, { $id: 'GapList' });

interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * The range of a query, at most 31 days; by default the last day.
 *
 * @throws OxbowError `bad-time`, `window-too-long`
 */
export function readRange(query: { from?: string; to?: string }, { clock }: HttpDeps): Range {
  const givenMs = query.from === undefined ? undefined : readInstant('from', query.from);
  const toMs = query.to === undefined ? Math.floor(clock.nowMs()) : readEnd('to', query.to, givenMs);
  const fromMs = givenMs ?? Math.max(0, toMs - DAY_MS);
  if (fromMs >= toMs)
    throw new OxbowError(
      'bad-time',
      `\`from\` (${query.from ?? 'a day earlier'}) must be before \`to\` (${query.to ?? 'now'}).`,
    );
  if (toMs - fromMs > LONGEST_MS) {
    throw new OxbowError('window-too-long', 'The range is longer than 31 days.', {
      extra: { hint: 'Request at most 31 days at a time.' },
    });
  }
  return { fromMs, toMs };
}

/** The rows. */
export const timelineRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/timeline',
    tag: 'timeline',
    access: 'viewer',
    anyPage: true,
    sentence:
      'Returns the timeline of a time range: recorded media, gaps with their causes, offline times, markers and pins.',
    params: NameParams,
    query: TimelineQuery,
    replies: { 200: TimelineView },
    async answer({ params: { name }, query, sees, ...caller }, deps) {
      await findStream(name, sees, deps);
      const { fromMs, toMs } = visibleRange(name, readRange(query, deps), caller, deps);
      return { body: await deps.streams.timeline(name, fromMs, toMs, Number(query.res ?? 0)) };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/activity',
    tag: 'timeline',
    access: 'viewer',
    anyPage: true,
    sentence:
      'Returns the bitrate and the change of the picture in a time range, step by step: they rise where much happens.',
    params: NameParams,
    query: StepsQuery,
    replies: { 200: ActivityView },
    async answer({ params: { name }, query, sees, ...caller }, deps) {
      await findStream(name, sees, deps);
      const { fromMs, toMs } = visibleRange(name, readRange(query, deps), caller, deps);
      return { body: await deps.streams.activity(name, fromMs, toMs, Number(query.res ?? 0)) };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/gaps',
    tag: 'timeline',
    access: 'viewer',
    anyPage: true,
    sentence: 'Lists the gaps of a time range, oldest first, each with its cause.',
    params: NameParams,
    query: RangeQuery,
    replies: { 200: GapList },
    async answer({ params: { name }, query, sees, ...caller }, deps) {
      await findStream(name, sees, deps);
      const { fromMs, toMs } = visibleRange(name, readRange(query, deps), caller, deps);
      return { body: { items: await deps.streams.gaps(name, fromMs, toMs), nextCursor: null } };
    },
  }),
];

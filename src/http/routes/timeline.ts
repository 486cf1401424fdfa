/**
 * A stream's past over the API: the timeline and its gaps.
 * In: a stretch of time in any form that oxbow reads. Out: TimelineView, GapView.
 */
import { GapView, TimelineView } from '../../api/shapes.ts';
import { Type } from '../../api/type.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { HttpDeps } from '../deps.ts';
import { endForms, instantForms, readEnd, readInstant } from './instant-field.ts';
import { defineRoute, type Route } from './route.ts';
import { findStream, NameParams } from './streams.ts';

const DAY_MS = 24 * 3_600_000;
const LONGEST_MS = 31 * DAY_MS;

const RangeQuery = Type.Object(
  {
    from: Type.Optional(
      Type.String({ maxLength: 64, description: `${instantForms} A day before \`to\` unless given.` }),
    ),
    to: Type.Optional(Type.String({ maxLength: 64, description: `${endForms} Now unless given.` })),
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
          'Seconds: what is finer may be merged, with the sums kept. Without it, only what is too much. From 600 on windows are left out.',
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

function readRange(query: { from?: string; to?: string }, { clock }: HttpDeps): Range {
  const givenMs = query.from === undefined ? undefined : readInstant('from', query.from);
  const toMs = query.to === undefined ? Math.floor(clock.nowMs()) : readEnd('to', query.to, givenMs);
  const fromMs = givenMs ?? Math.max(0, toMs - DAY_MS);
  if (fromMs >= toMs) throw new OxbowError('bad-time', '`from` must be before `to`.');
  if (toMs - fromMs > LONGEST_MS) {
    throw new OxbowError('window-too-long', 'That is more than 31 days.', {
      extra: { hint: 'Ask for at most 31 days at a time.' },
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
    sentence: 'All that is known of a stretch of the past: media, gaps with their causes, offline.',
    params: NameParams,
    query: TimelineQuery,
    replies: { 200: TimelineView },
    async answer({ params: { name }, query, sees }, deps) {
      await findStream(name, sees, deps);
      const { fromMs, toMs } = readRange(query, deps);
      return { body: await deps.streams.timeline(name, fromMs, toMs, Number(query.res ?? 0)) };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/gaps',
    tag: 'timeline',
    access: 'viewer',
    anyPage: true,
    sentence: 'The stretches without media, oldest first, each with its cause.',
    params: NameParams,
    query: RangeQuery,
    replies: { 200: GapList },
    async answer({ params: { name }, query, sees }, deps) {
      await findStream(name, sees, deps);
      const { fromMs, toMs } = readRange(query, deps);
      return { body: { items: await deps.streams.gaps(name, fromMs, toMs), nextCursor: null } };
    },
  }),
];

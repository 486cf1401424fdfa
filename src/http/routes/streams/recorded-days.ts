/**
 * The route of what a stream has recorded by day.
 * In: days and a time zone. Out: RecordedDays.
 */
import { FormatError } from '@oxbow/media/errors';
import { dayAt, type LocalDays, localDays, parseDay, printDay } from '../../../api/local-days.ts';
import { openTimeZone } from '../../../api/local-time.ts';
import { RecordedDays } from '../../../api/measure/recorded-days.ts';
import { Type } from '../../../api/type.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { HttpDeps } from '../../deps.ts';
import { defineRoute, type Route } from '../../route/route.ts';
import { seenDays } from '../../route/visible-past.ts';
import { findStream, NameParams } from './streams.ts';

const DAY_MS = 24 * 3_600_000;
/** Days of the default range, and the most of a request. */
const [USUAL_DAYS, MOST_DAYS] = [31, 366];

const DaysQuery = Type.Object(
  {
    from: Type.Optional(
      Type.String({ maxLength: 64, description: 'The first day, e.g. `2026-11-01`. Default: 30 days before `to`.' }),
    ),
    to: Type.Optional(Type.String({ maxLength: 64, description: 'The last day, itself included. Default: today.' })),
    zone: Type.Optional(
      Type.String({
        maxLength: 64,
        description: 'Name of the time zone in which days begin, e.g. `Europe/Berlin`. Default: UTC.',
      }),
    ),
  },
  { additionalProperties: false },
);

/**
 * The days of a query, at most 366.
 *
 * @throws OxbowError `bad-time`, `bad-time-zone`, `window-too-long`
 */
function readDays(query: { from?: string; to?: string; zone?: string }, { clock }: HttpDeps): LocalDays {
  const zone = openTimeZone(query.zone ?? 'UTC');
  const lastMs = query.to === undefined ? dayAt(zone, clock.nowMs()) : readDay('to', query.to);
  const firstMs =
    query.from === undefined ? Math.max(0, lastMs - (USUAL_DAYS - 1) * DAY_MS) : readDay('from', query.from);
  if (firstMs > lastMs) {
    const [from, to] = [printDay(firstMs), printDay(lastMs)];
    throw new OxbowError('bad-time', `\`from\` (${from}) must not be after \`to\` (${to}).`);
  }
  if ((lastMs - firstMs) / DAY_MS >= MOST_DAYS) {
    throw new OxbowError('window-too-long', `The range is longer than ${MOST_DAYS} days.`, {
      extra: { hint: `Request at most ${MOST_DAYS} days at a time.` },
    });
  }
  return localDays(zone, firstMs, lastMs);
}

function readDay(name: string, text: string): number {
  try {
    return parseDay(text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new OxbowError('bad-time', `\`${name}\`: ${error.message}.`, { cause: error });
  }
}

/** The row. */
export const recordedDaysRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/days',
    tag: 'timeline',
    access: 'viewer',
    anyPage: true,
    sentence: 'Returns what is recorded of each day of a range, in any time zone: time, size, files.',
    params: NameParams,
    query: DaysQuery,
    replies: { 200: RecordedDays },
    async answer({ params: { name }, query, sees, ...caller }, deps) {
      await findStream(name, sees, deps);
      const days = await deps.streams.days(name, readDays(query, deps));
      return { body: seenDays(name, days, caller, deps) };
    },
  }),
];

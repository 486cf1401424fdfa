/**
 * The weekly report as JSON, and its event, a part of the table of all events.
 * In: nothing. Out: rows for events.ts; types for the feature that sends it.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });
const orNull = (description: string) => Type.Union([Type.Number(), Type.Null()], { description });

/** What was watched in a week. */
const Watched = {
  sessions: Type.Integer({ minimum: 0, description: 'viewing sessions that began' }),
  watched: Type.Number({ minimum: 0, description: 'hours that all viewers watched together' }),
};

/** A week of viewing. */
export const WeeklyReport = Type.Object({
  from: Time,
  to: Type.String({ ...Time, description: 'end of the week; it does not belong to it' }),
  ...Watched,
  before: Type.Object(Watched, { description: 'the same of the week before' }),
  peakViewers: Type.Number({ minimum: 0, description: 'viewers of the busiest hour, on average' }),
  peakAt: Type.Union([Time, Type.Null()], { description: 'beginning of that hour; null: no one watched' }),
  startup: orNull('half of the sessions started within this time, seconds; null: unknown'),
  stallRatio: orNull('share of the time that players stalled, 0 to 1; null: unknown'),
  streams: Type.Array(Type.Object({ stream: Type.String(), ...Watched }), {
    maxItems: 10,
    description: 'those that were watched most, the most watched first',
  }),
  rewound: Type.Array(
    Type.Object({
      stream: Type.String(),
      at: Time,
      watched: Type.Number({ description: 'seconds that viewers watched it as a recording' }),
    }),
    { maxItems: 5, description: 'parts of the past that were watched most, the most watched first' },
  ),
});
export type WeeklyReport = Static<typeof WeeklyReport>;

/** The rows. */
export const reportEvents = {
  'report.weekly': {
    audience: 'admin',
    sentence: 'A week of viewing has ended: its figures. Published once, if `reports.weekly` names a day.',
    data: WeeklyReport,
  },
} as const;

/**
 * The shape of what a stream has recorded by day, for calendars.
 * In: nothing. Out: a schema for the API and its clients.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

const Time = { format: 'date-time' } as const;

/** What is recorded of a day: the files that start on it, and what is being recorded. */
const RecordedDay = Type.Object(
  {
    day: Type.String({ description: 'e.g. `2026-11-22`' }),
    from: Type.String({ ...Time, description: 'start of the first media' }),
    to: Type.String({ ...Time, description: 'end of the last media; it may be some seconds into the next day' }),
    seconds: Type.Number({ description: 'of media' }),
    bytes: Type.Integer({ description: 'with those of recorded qualities' }),
    files: Type.Integer({ description: 'finished files, of about a minute each' }),
    incomplete: Type.Integer({ description: 'files with gaps before or within them' }),
  },
  { $id: 'RecordedDay' },
);

/** The days of a range on which something is recorded. */
export const RecordedDays = Type.Object(
  {
    zone: Type.String({ description: 'name of the time zone' }),
    from: Type.String({ description: 'the first day of the range' }),
    to: Type.String({ description: 'the last day of the range' }),
    days: Type.Array(RecordedDay, { description: 'oldest first, without days on which nothing is recorded' }),
  },
  { $id: 'RecordedDays' },
);
export type RecordedDays = Static<typeof RecordedDays>;

/**
 * Past events as the API shows them.
 * In: http/events. Out: OpenAPI, other people's programs.
 */
import type { Static } from 'typebox';
import { Type } from './type.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });

/** A page of past events. */
export const PastEventsView = Type.Object(
  {
    items: Type.Array(
      Type.Object({
        id: Type.String(),
        type: Type.String({ description: 'see docs/reference/events.md' }),
        at: Time,
        stream: Type.Union([Type.String(), Type.Null()]),
        data: Type.Object({}, { additionalProperties: true }),
      }),
      { description: 'oldest first, as they were stored' },
    ),
    next: Type.String({ description: '`since` of the next request: it misses nothing and repeats nothing' }),
    more: Type.Boolean({
      description: 'the next request has more at once; there may be no items, but more behind them',
    }),
    lost: Type.Integer({
      description:
        'events that are missing on this page: too many waited for the database, or a promoted database lacked them',
    }),
    keptSince: Type.String({ format: 'date-time', description: 'nothing that happened since then is deleted' }),
  },
  { $id: 'PastEventsView' },
);
export type PastEventsView = Static<typeof PastEventsView>;

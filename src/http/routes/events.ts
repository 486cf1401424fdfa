/**
 * Events over the API, as they happen.
 * In: which ones, and the last that was heard. Out: `text/event-stream`; the same address speaks WebSocket too.
 */
import { StreamName } from '../../api/stream-name.ts';
import { Type } from '../../api/type.ts';
import { readFilter } from '../events/event-filter.ts';
import { EVENTS_PATH } from '../events/subscriber.ts';
import { defineRoute, type Route } from './route.ts';

const EventQuery = Type.Object(
  {
    types: Type.Optional(
      Type.String({ maxLength: 1000, description: 'names with commas between; `job.*` for all that begin so' }),
    ),
    stream: Type.Optional(StreamName),
    after: Type.Optional(
      Type.String({
        maxLength: 40,
        description:
          'id of the last event that was heard: what was told since comes first. As the header Last-Event-ID.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** What an answer of this kind is, by which OpenAPI tells its type. */
export const EVENT_STREAM = 'events; each `data` is an event as JSON, see docs/7-reference/events.md';

/** The rows. */
export const eventRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: EVENTS_PATH,
    tag: 'events',
    access: 'viewer',
    sentence: 'What happens, as it happens: server-sent events, or a WebSocket where the request upgrades.',
    query: EventQuery,
    replies: { 200: Type.String({ description: EVENT_STREAM }) },
    answer({ query, header, subscriber }) {
      const filter = readFilter(query, header('last-event-id'));
      return { events: { filter, subscriber: subscriber(filter) } };
    },
  }),
];

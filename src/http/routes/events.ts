/**
 * The route of the event stream.
 * In: a filter, the id of the last received event. Out: `text/event-stream`, or a WebSocket.
 */
import { StreamName } from '../../api/stream/stream-name.ts';
import { Type } from '../../api/type.ts';
import { readFilter } from '../events/event-filter.ts';
import { EVENTS_PATH } from '../events/subscriber.ts';
import { defineRoute, type Route } from '../route/route.ts';

const EventQuery = Type.Object(
  {
    types: Type.Optional(
      Type.String({
        maxLength: 1000,
        description: 'event types separated by commas; `job.*` means all that begin with `job.`',
      }),
    ),
    stream: Type.Optional(StreamName),
    after: Type.Optional(
      Type.String({
        maxLength: 40,
        description: 'id of the last received event: events after it are sent first. Same as the header Last-Event-ID.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** Description of the answer; openapi.ts recognizes the media type by it. */
export const EVENT_STREAM = 'events; each `data` is an event as JSON, see docs/reference/events.md';

/** The rows. */
export const eventRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: EVENTS_PATH,
    tag: 'events',
    access: 'viewer',
    sentence: 'Streams events as they happen: as server-sent events, or by WebSocket if the request upgrades.',
    query: EventQuery,
    replies: { 200: Type.String({ description: EVENT_STREAM }) },
    answer({ query, header, subscriber }) {
      const filter = readFilter(query, header('last-event-id'));
      return { events: { filter, subscriber: subscriber(filter) } };
    },
  }),
];

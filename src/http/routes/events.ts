/**
 * The route of events: as they happen, and those of the last day.
 * In: a filter, the id of the last received event, or where past events begin. Out: `text/event-stream`, or a
 * WebSocket; a page of JSON.
 */
import { StreamName } from '../../api/stream/stream-name.ts';
import { Type } from '../../api/type.ts';
import { OxbowError } from '../../lib/errors.ts';
import { factsOf, readFilter } from '../events/event-filter.ts';
import { logOf, readPast } from '../events/past-events.ts';
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
    since: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 80,
        description:
          'answers past events as a page of JSON, in place of a stream: `next` of an earlier page, the id of an event, or a time (unix seconds, milliseconds, RFC 3339)',
      }),
    ),
    limit: Type.Optional(
      Type.String({
        pattern: '^([1-9][0-9]{0,2}|1000)$',
        description: 'with `since`: most items of the page, 100 by default, at most 1000',
      }),
    ),
  },
  { additionalProperties: false },
);

/** Description of the answer; openapi.ts recognizes the media type by it. */
export const EVENT_STREAM = 'events; each `data` is an event as JSON, see docs/reference/events.md';

function misused(detail: string): OxbowError {
  return new OxbowError('bad-request', detail, { extra: { hint: 'Remove one of the parameters from the query.' } });
}

/** The rows. */
export const eventRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: EVENTS_PATH,
    tag: 'events',
    access: 'viewer',
    sentence:
      'Streams events as they happen: as server-sent events, or by WebSocket if the request upgrades. With `since`: a page of past events.',
    query: EventQuery,
    replies: { 200: Type.String({ description: EVENT_STREAM }) },
    async answer({ query, header, subscriber }, { eventLog, streams }) {
      const filter = readFilter(query, header('last-event-id'));
      const { since, limit, after } = query;
      if (since === undefined) {
        if (limit !== undefined) throw misused('`limit` is for pages of past events and needs `since`.');
        return { events: { filter, subscriber: subscriber(filter) } };
      }
      if (after !== undefined)
        throw misused('`since` answers a page and `after` a stream of events; send one of them.');
      const reader = { filter, subscriber: subscriber(filter), facts: factsOf(streams) };
      const body = await readPast(logOf(eventLog), { since, limit }, reader);
      return { headers: { 'content-type': 'application/json; charset=utf-8' }, body };
    },
  }),
];

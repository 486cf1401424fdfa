/**
 * Describes the routes and events for the router and OpenAPI 3.1.
 * In: rows of the table of routes, the table of events. Out: schemas for fastify and its swagger plugin.
 */
import type { TSchema } from 'typebox';
import { eventSchema, eventTable, eventTypes } from '../../api/events.ts';
import { PastEventsView } from '../../api/past-events.ts';
import { ProblemView } from '../../api/shapes.ts';
import { contentTypes } from '../../delivery/text-reply.ts';
import { http } from '../../lib/memory/node-http.ts';
import type { Route } from '../route/route.ts';
import { EVENT_STREAM } from '../routes/events.ts';
import { NamedSchemas } from './named-schemas.ts';
import { operationName } from './operation-name.ts';

/** The schema of a route: parameters, body and answers, which the router checks and OpenAPI shows. */
export function describeRoute(route: Route, names: NamedSchemas): Record<string, unknown> {
  const response: Record<string, unknown> = {};
  for (const [status, schema] of Object.entries(route.replies)) {
    if (isEventStream(schema)) response[status] = eventContent(names);
    else response[status] = schema ? names.refer(schema) : { type: 'null', description: 'No body.' };
  }
  response['4xx'] = {
    description: 'A refusal, RFC 9457.',
    content: { 'application/problem+json': { schema: names.refer(ProblemView) } },
  };
  return {
    summary: route.sentence,
    tags: [route.tag],
    operationId: operationName(route),
    ...((route.access === 'admin' || route.access === 'worker') && { security: [{ adminToken: [] }] }),
    ...((route.access === 'viewer' || route.access === 'operator') && { security: [{}, { adminToken: [] }] }),
    ...(route.params && { params: names.refer(route.params) }),
    ...(route.query && { querystring: names.refer(route.query) }),
    ...(route.body && { body: names.refer(route.body) }),
    ...(route.bodyTypes && { body: { content: fileContent(route.bodyTypes) } }),
    ...((route.repeatable || route.conditional) && { headers: headersOf(route) }),
    // A reply of type string is text for other programs; all others are JSON.
    ...(isText(route.replies[200]) && { produces: route.fileTypes ?? textTypes(route.replies[200]) }),
    response,
  };
}

function isText(schema: TSchema | undefined): boolean {
  return (schema as { type?: unknown } | undefined)?.type === 'string';
}

/** A body that is a file: OpenAPI 3.1 describes it only by its media type, and no schema checks it. */
function fileContent(types: readonly string[]): Record<string, object> {
  return Object.fromEntries(types.map((type) => [type, { schema: { contentMediaType: type } }]));
}

function isEventStream(schema: TSchema | undefined): boolean {
  return (schema as { description?: unknown } | undefined)?.description === EVENT_STREAM;
}

/** A stream of events, or a page of past ones. */
function eventContent(names: NamedSchemas): object {
  const content = {
    'text/event-stream': { schema: { type: 'string', description: EVENT_STREAM } },
    'application/json': { schema: names.refer(PastEventsView) },
  };
  return { description: 'A stream of events; with `since` a page of past events.', content };
}

/** Media types of exports. */
const FILE_TYPES = Object.values({ mp4: contentTypes.mp4, mkv: contentTypes.mkv, ts: contentTypes.ts });

function textTypes(schema: TSchema | undefined): readonly string[] {
  if (isEventStream(schema)) return ['text/event-stream', 'application/json'];
  const { format } = schema as { format?: unknown };
  return format === 'binary' ? FILE_TYPES : ['text/plain'];
}

const Key = { type: 'string', description: 'A repeated key returns the first answer again, for 24 h.' } as const;
const Condition = {
  type: 'string',
  description: 'ETag of the settings to change; any other current ETag is refused with 412.',
} as const;

function headersOf({ repeatable, conditional }: Route): Record<string, unknown> {
  const properties = { ...(repeatable && { 'idempotency-key': Key }), ...(conditional && { 'if-match': Condition }) };
  return { type: 'object', properties };
}

/** The events sent to webhooks, as the `webhooks` of OpenAPI 3.1. */
export function describeEvents(): Record<string, object> {
  return Object.fromEntries(
    eventTypes.map((type) => {
      const content = { 'application/json': { schema: new NamedSchemas().inline(eventSchema(type)) } };
      const responses = { '2XX': { description: 'Accepted.' } };
      return [type, { post: { summary: eventTable[type].sentence, requestBody: { content }, responses } }];
    }),
  );
}

/** Sets the reason phrase of the status as description of each answer that has none. */
export function nameStatuses<D extends { paths?: object }>(document: D): D {
  for (const methods of Object.values(document.paths ?? {})) {
    for (const { responses } of Object.values(
      methods as Record<string, { responses: Record<string, { description: string }> }>,
    )) {
      for (const [status, response] of Object.entries(responses)) {
        if (response.description === 'Default Response')
          response.description = `${http.STATUS_CODES[status] ?? status}.`;
      }
    }
  }
  return document;
}

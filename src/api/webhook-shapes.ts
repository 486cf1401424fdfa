/**
 * Webhooks as the API shows them. Times are RFC 3339 in UTC with milliseconds.
 * In: http/routes. Out: web/, OpenAPI, other people's programs.
 */
import type { Static } from 'typebox';
import { type EventType, eventTypes } from './events.ts';
import { Type } from './type.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });
/** Named, so that the typed client says it once; there it is the name of its own table of events. */
const TypeName = Type.Unsafe<EventType>(
  Type.String({ $id: 'EventType', enum: [...eventTypes], description: 'The name of an event.' }),
);
const Types = Type.Unsafe<readonly EventType[]>(
  Type.Array(TypeName, { maxItems: 100, description: 'empty: all of them but job.progress' }),
);
const Url = Type.String({ minLength: 1, maxLength: 2048, description: 'http or https; where events are sent by POST' });

/** What a webhook is to be. */
export const WebhookSettings = Type.Object(
  {
    url: Url,
    types: Type.Optional(Types),
    stream: Type.Optional(Type.String({ maxLength: 64, description: 'only what is about this stream' })),
    secret: Type.Optional(
      Type.String({ maxLength: 128, description: '`whsec_` and base64 of 24 to 64 bytes; made up where left out' }),
    ),
  },
  { $id: 'WebhookSettings', additionalProperties: false },
);
export type WebhookSettings = Static<typeof WebhookSettings>;

const view = {
  id: Type.String(),
  url: Type.String({ description: 'without a user name and password that it may have' }),
  types: Types,
  stream: Type.Union([Type.String(), Type.Null()]),
  createdAt: Time,
  /** Deliveries that wait. */
  waiting: Type.Integer({ description: 'deliveries that wait' }),
  failingSince: Type.Union([Time, Type.Null()], { description: 'since when nothing arrived; null: the last one did' }),
  disabledAt: Type.Union([Time, Type.Null()], { description: 'when it was given up; PUT it anew to go on' }),
  disabledReason: Type.String(),
};

/** A webhook. */
export const WebhookView = Type.Object(view, { $id: 'WebhookView' });
export type WebhookView = Static<typeof WebhookView>;

/** A webhook that was just made: the only time that its secret is shown. */
export const NewWebhookView = Type.Object({ ...view, secret: Type.String() }, { $id: 'NewWebhookView' });
export type NewWebhookView = Static<typeof NewWebhookView>;

/** One event on its way to one webhook. */
export const DeliveryView = Type.Object(
  {
    /** Of the event, and the header webhook-id: the same at each try. */
    id: Type.String({ description: 'of the event, and the header webhook-id: the same at each try' }),
    type: Type.String(),
    state: Type.Union([Type.Literal('waiting'), Type.Literal('done'), Type.Literal('failed'), Type.Literal('dropped')]),
    tries: Type.Integer(),
    status: Type.Union([Type.Integer(), Type.Null()], { description: 'HTTP status of the last try' }),
    error: Type.String({ description: 'what went wrong last; empty where nothing did' }),
    createdAt: Time,
    nextAt: Type.Union([Time, Type.Null()], { description: 'when it is tried next' }),
    endedAt: Type.Union([Time, Type.Null()]),
  },
  { $id: 'DeliveryView' },
);
export type DeliveryView = Static<typeof DeliveryView>;

/** How a test went. */
export const WebhookTestView = Type.Object(
  {
    ok: Type.Boolean(),
    status: Type.Union([Type.Integer(), Type.Null()]),
    error: Type.String(),
    tookMs: Type.Integer(),
  },
  { $id: 'WebhookTestView' },
);
export type WebhookTestView = Static<typeof WebhookTestView>;

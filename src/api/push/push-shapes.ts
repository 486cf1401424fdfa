/**
 * The JSON of Web Push: what a browser subscribes to, and what a message says.
 * In: features/push. Out: shapes of the API, for the interface and its service worker. RFC 8030; W3C Push
 * API.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

/** What people are notified of. */
export const pushKinds = ['live', 'clips', 'alarms'] as const;
export type PushKind = (typeof pushKinds)[number];

const Kind = Type.Unsafe<PushKind>(Type.String({ enum: [...pushKinds] }));
const Kinds = Type.Array(Kind, {
  maxItems: pushKinds.length,
  uniqueItems: true,
  description:
    '`live`: a stream is live; `clips`: someone made a clip; `alarms`: an alarm was raised, for administrators',
});
const Scope = Type.Union([Type.Literal('followed'), Type.Literal('all')], {
  description: 'the streams that the person follows, or all that they find in lists',
});
const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });

/** What a browser needs to subscribe, and what the person follows. */
export const PushView = Type.Object(
  {
    enabled: Type.Boolean({ description: 'whether this server sends messages: the setting `push.enabled`' }),
    publicKey: Type.Union([Type.String(), Type.Null()], {
      description: '`applicationServerKey` of this server, base64url; null while it sends none. RFC 8292',
    }),
    kinds: Type.Array(Kind, { description: 'what this person may be notified of' }),
    follows: Type.Array(Type.String(), { description: 'names of the streams that the person follows' }),
  },
  { $id: 'PushView' },
);
export type PushView = Static<typeof PushView>;

/** A browser subscribes, or changes what it subscribes to. */
export const NewPushSubscription = Type.Object(
  {
    endpoint: Type.String({
      minLength: 10,
      maxLength: 1024,
      pattern: '^https://',
      description: 'address at the push service of the browser, https only',
    }),
    keys: Type.Object(
      {
        p256dh: Type.String({ pattern: '^[A-Za-z0-9_-]{87}=?$', description: 'public key, 65 bytes in base64url' }),
        auth: Type.String({ pattern: '^[A-Za-z0-9_-]{22}(==)?$', description: '16 bytes in base64url' }),
      },
      { additionalProperties: false },
    ),
    kinds: Kinds,
    streams: Scope,
  },
  { additionalProperties: false, $id: 'NewPushSubscription' },
);
export type NewPushSubscription = Static<typeof NewPushSubscription>;

/** A browser that gets messages. Its address at the push service is not shown. */
export const PushSubscriptionView = Type.Object(
  {
    id: Type.String(),
    program: Type.String({ description: 'User-Agent of the browser' }),
    current: Type.Boolean({ description: 'it belongs to the session of this request' }),
    kinds: Kinds,
    streams: Scope,
    createdAt: Time,
    sentAt: Type.Union([Time, Type.Null()], { description: 'when a message was accepted last, to the hour' }),
    failing: Type.Boolean({ description: 'its push service has accepted no message since the last one failed' }),
  },
  { $id: 'PushSubscriptionView' },
);
export type PushSubscriptionView = Static<typeof PushSubscriptionView>;

/** The browsers of a person that get messages. */
export const PushSubscriptionList = Type.Object(
  { items: Type.Array(PushSubscriptionView) },
  { $id: 'PushSubscriptionList' },
);

/** The text of a message, which only the browser reads. It writes the sentence in its own language. */
export interface PushMessage {
  readonly kind: PushKind | 'test';
  /** Name of the stream; empty for `test`. */
  readonly stream: string;
  /** Title of the stream or clip, cut to 120 characters; may be empty. */
  readonly title: string;
  /** Code of an alarm; empty for others. */
  readonly alarm: string;
  /** Path of the page that it opens. */
  readonly url: string;
  /** A later message with the same tag replaces it on the screen. */
  readonly tag: string;
  /** ms since 1970. */
  readonly atMs: number;
}

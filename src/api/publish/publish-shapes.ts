/**
 * The JSON of stream keys and publishing addresses, shared with the web interface. Times are RFC 3339 in UTC
 * with milliseconds.
 * In: http/routes. Out: web/, OpenAPI, other people's programs.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });
const TimeOrNull = Type.Union([Time, Type.Null()]);

const Rtmp = Type.Object({
  server: Type.String({ description: 'field "Server" of OBS' }),
  streamKey: Type.String({ description: 'field "Stream Key" of OBS; the key alone works too' }),
  url: Type.String({ description: 'both in one, for ffmpeg and others' }),
});

/** Where to publish. A protocol that is off is absent. */
export const PublishAddresses = Type.Object(
  {
    rtmp: Type.Optional(Rtmp),
    rtmps: Type.Optional(Rtmp),
    srt: Type.Optional(Type.String({ description: 'URL for OBS (leave the stream key empty), ffmpeg and others' })),
    srtla: Type.Optional(Type.String({ description: 'URL for bonded senders; the latency is a field of theirs' })),
    whip: Type.Optional(
      Type.String({ description: 'address for OBS (service WHIP; the key is the bearer token), browsers and others' }),
    ),
  },
  { $id: 'PublishAddresses' },
);
export type PublishAddresses = Static<typeof PublishAddresses>;

/** A stream key, without its secret. */
export const PublishKeyView = Type.Object(
  {
    id: Type.String(),
    label: Type.String({ description: 'purpose of the key; may be empty' }),
    scope: Type.String({ description: '`publish:NAME` for one stream, `publish:PREFIX*` for names with that prefix' }),
    maxStreams: Type.Union([Type.Integer(), Type.Null()], {
      description: 'of a key with a prefix: most streams with that prefix, before it creates no further one',
    }),
    allow: Type.Array(Type.String(), { description: 'ranges of addresses that may use it; empty: all' }),
    createdAt: Time,
    expiresAt: TimeOrNull,
    usedAt: Type.Union([Time, Type.Null()], { description: 'when a publisher used it last, to the minute' }),
  },
  { $id: 'PublishKeyView' },
);
export type PublishKeyView = Static<typeof PublishKeyView>;

/** A stream key that was created, with its secret. */
export const CreatedPublishKey = Type.Object(
  {
    ...PublishKeyView.properties,
    key: Type.String({ description: 'the key; it is shown only in this answer' }),
    publish: PublishAddresses,
  },
  { $id: 'CreatedPublishKey' },
);
export type CreatedPublishKey = Static<typeof CreatedPublishKey>;

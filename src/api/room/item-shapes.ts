/**
 * The playlist of a room as JSON. Positions and lengths are ms.
 * In: features/rooms/routes, room messages. Out: web/, OpenAPI.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

/** Streams that are shown next to the first one; positions, gaps and chat follow the first one. */
const Beside = Type.Optional(
  Type.Array(Type.String({ maxLength: 64 }), {
    maxItems: 8,
    description: 'names of further streams that are shown beside it, at the same programme time',
  }),
);

/** The largest difference of two offsets of a set of angles, ms: a camera may have a date of its making. */
const MOST_OFFSET_MS = 8e12;

/** Angles whose clocks differ, as a set of angles has them. */
const OffsetsMs = Type.Optional(
  Type.Array(Type.Number({ minimum: -MOST_OFFSET_MS, maximum: MOST_OFFSET_MS }), {
    maxItems: 8,
    description:
      'for each stream of `beside`, in its order: added to its clock, it gives that of the first stream, ms; default: 0',
  }),
);

/** The media of an entry. `link` is HLS, DASH or a file elsewhere; `provider` an entry of a media server. */
export const ItemTarget = Type.Union(
  [
    Type.Object({ kind: Type.Literal('folder') }, { additionalProperties: false }),
    Type.Object(
      {
        kind: Type.Literal('stream'),
        stream: Type.String({ maxLength: 64, description: 'name of the stream' }),
        beside: Beside,
        offsetsMs: OffsetsMs,
      },
      { additionalProperties: false },
    ),
    Type.Object(
      {
        kind: Type.Literal('range'),
        stream: Type.String({ maxLength: 64 }),
        fromMs: Type.Integer({ description: 'unix ms' }),
        toMs: Type.Integer({ description: 'unix ms' }),
        beside: Beside,
        offsetsMs: OffsetsMs,
      },
      { additionalProperties: false },
    ),
    Type.Object(
      { kind: Type.Literal('asset'), asset: Type.String({ maxLength: 64 }) },
      { additionalProperties: false },
    ),
    Type.Object(
      {
        kind: Type.Literal('link'),
        url: Type.String({ maxLength: 8192, description: 'http or https' }),
        type: Type.Optional(
          Type.Union([Type.Literal('hls'), Type.Literal('dash'), Type.Literal('file')], {
            description: 'by its media type if it is missing',
          }),
        ),
        proxy: Type.Optional(Type.Boolean({ description: 'through this server' })),
        live: Type.Optional(Type.Boolean()),
        headers: Type.Optional(
          Type.Unsafe<Record<string, string>>({
            type: 'object',
            maxProperties: 20,
            additionalProperties: { type: 'string', maxLength: 4096 },
            description: 'request headers of the proxy; only its author and moderators see them',
          }),
        ),
        subtitles: Type.Optional(
          Type.Array(
            Type.Object(
              { name: Type.String({ maxLength: 100 }), url: Type.String({ maxLength: 8192 }) },
              { additionalProperties: false },
            ),
            { maxItems: 32 },
          ),
        ),
      },
      { additionalProperties: false },
    ),
    Type.Object(
      {
        kind: Type.Literal('provider'),
        provider: Type.String({ maxLength: 64, description: 'id of the account at a media server' }),
        entry: Type.String({ maxLength: 2048, description: 'id or path there' }),
      },
      { additionalProperties: false },
    ),
  ],
  { $id: 'ItemTarget' },
);
export type ItemTarget = Static<typeof ItemTarget>;

/** An entry of a playlist. */
export const RoomItem = Type.Object(
  {
    id: Type.String(),
    parent: Type.Union([Type.String(), Type.Null()], { description: 'id of the folder; null: at the top' }),
    name: Type.String(),
    target: ItemTarget,
    addedBy: Type.String({ description: 'id of the user' }),
    addedByName: Type.String(),
    address: Type.Union([Type.String(), Type.Null()], {
      description:
        'path of the HLS playlist, with a playback token where one is needed; null: not media of this server',
    }),
    beside: Type.Optional(
      Type.Array(
        Type.Object({ stream: Type.String(), address: Type.String(), offsetMs: Type.Optional(Type.Number()) }),
        {
          description: 'the same for each stream beside it',
        },
      ),
    ),
  },
  { $id: 'RoomItem' },
);
export type RoomItem = Static<typeof RoomItem>;

/**
 * The JSON of channels: streams that play a schedule.
 * In: nothing. Out: schemas and types for the API, the client and the pages. docs/3-publish/channel.md.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

const Time = Type.String({ format: 'date-time' });
const MAX_TITLE = 200;
/** Most items of one channel. */
export const MAX_CHANNEL_ITEMS = 3000;
/** Longest item, seconds. */
export const MAX_ITEM_S = 86_400;

const Kind = Type.Union(
  [Type.Literal('asset'), Type.Literal('clip'), Type.Literal('recording'), Type.Literal('live')],
  { description: 'an asset of the library, a clip, a range of a recording, or a live stream' },
);
const Ref = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'id of the asset or clip; name of the stream of `recording` and `live`',
});
const Start = Type.String({
  pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}$',
  description: 'local time in the zone of the channel, e.g. 2026-11-30T20:15:00',
});
const Seconds = Type.Number({ minimum: 1, maximum: MAX_ITEM_S, description: 'how long it lasts' });
const Title = Type.String({ maxLength: MAX_TITLE, description: 'for viewers, in the programme guide' });
const Weekly = Type.Boolean({ description: 'every week from then on; default false' });
const Offset = Type.Number({
  minimum: 0,
  maximum: 31 * MAX_ITEM_S,
  description: 'where it begins in the asset or clip, seconds; default 0',
});
const From = Type.String({ maxLength: 64, description: 'where it begins in the recording' });

/** An item to add. */
export const NewChannelItem = Type.Object(
  {
    kind: Kind,
    ref: Ref,
    title: Type.Optional(Title),
    start: Start,
    seconds: Seconds,
    weekly: Type.Optional(Weekly),
    offset: Type.Optional(Offset),
    from: Type.Optional(From),
  },
  { $id: 'NewChannelItem', additionalProperties: false },
);
/** See the schema. */
export type NewChannelItem = Static<typeof NewChannelItem>;

/** What changes of an item; the rest stays. */
export const ChannelItemPatch = Type.Object(
  {
    title: Type.Optional(Title),
    start: Type.Optional(Start),
    seconds: Type.Optional(Seconds),
    weekly: Type.Optional(Weekly),
    offset: Type.Optional(Offset),
    from: Type.Optional(From),
  },
  { $id: 'ChannelItemPatch', additionalProperties: false },
);
/** See the schema. */
export type ChannelItemPatch = Static<typeof ChannelItemPatch>;

/** Whether an item can be played when its time comes. */
export const channelItemStates = ['ok', 'missing', 'unplayable', 'short', 'expires', 'offline'] as const;
const State = Type.Unsafe<(typeof channelItemStates)[number]>(
  Type.String({
    enum: [...channelItemStates],
    description:
      '`missing`: its media is deleted; `unplayable`: it is not ready, or failed; `short`: its media is shorter than the item; `expires`: retention deletes its media before its time; `offline`: the stream is not live now',
  }),
);

/** An item of the schedule. */
export const ChannelItemView = Type.Object(
  {
    id: Type.String(),
    kind: Kind,
    ref: Ref,
    title: Title,
    start: Start,
    seconds: Seconds,
    weekly: Weekly,
    offset: Type.Union([Offset, Type.Null()]),
    from: Type.Union([Time, Type.Null()]),
    state: State,
  },
  { $id: 'ChannelItemView' },
);
/** See the schema. */
export type ChannelItemView = Static<typeof ChannelItemView>;

const Names = Type.Array(Type.String({ maxLength: 64 }), {
  maxItems: 20,
  description:
    'streams whose past fills empty hours; empty: those of the items that are as open as the channel, and the channel',
});

/** A stretch that is shown, in UTC. */
export const ChannelAiring = Type.Object(
  {
    item: Type.String({ description: 'id of the item; `room`: what the room plays that the channel follows' }),
    title: Title,
    from: Time,
    to: Time,
  },
  { $id: 'ChannelAiring' },
);
/** See the schema. */
export type ChannelAiring = Static<typeof ChannelAiring>;

/** A channel with its schedule. */
export const ChannelView = Type.Object(
  {
    stream: Type.String(),
    timeZone: Type.String({ description: 'IANA name; times of items are in it' }),
    fillFrom: Names,
    items: Type.Array(ChannelItemView, { maxItems: MAX_CHANNEL_ITEMS }),
    onAir: Type.Union([
      Type.Object({
        kind: Type.Unsafe<'item' | 'live' | 'room' | 'fill' | 'nothing'>(
          Type.String({ enum: ['item', 'live', 'room', 'fill', 'nothing'] }),
        ),
        item: Type.Union([Type.String(), Type.Null()], { description: 'id; of `fill` the item that it replaces' }),
        title: Type.String(),
        since: Time,
        why: Type.String({ description: 'of `fill` and `nothing`: why, in words' }),
      }),
      Type.Null(),
    ]),
    live: Type.Union([Type.Object({ stream: Type.String(), until: Time }), Type.Null()], {
      description: 'the stream that interrupts the schedule now',
    }),
    room: Type.Union([Type.Object({ id: Type.String(), name: Type.String() }), Type.Null()], {
      description: 'the room that it follows, in place of its schedule',
    }),
    skipped: Type.Array(
      Type.Object({
        at: Time,
        item: Type.Union([Type.String(), Type.Null()]),
        title: Type.String(),
        reason: Type.String(),
      }),
      { maxItems: 50, description: 'what could not be played since oxbow started, newest first' },
    ),
  },
  { $id: 'ChannelView' },
);
/** See the schema. */
export type ChannelView = Static<typeof ChannelView>;

/** Settings of a channel. */
export const ChannelPatch = Type.Object(
  {
    timeZone: Type.Optional(Type.String({ maxLength: 64, description: 'IANA name, e.g. Europe/Berlin' })),
    fillFrom: Type.Optional(Names),
    room: Type.Optional(
      Type.Union([Type.String({ minLength: 1, maxLength: 64 }), Type.Null()], {
        description: 'id of the room that it follows, in place of its schedule; null: none',
      }),
    ),
  },
  { $id: 'ChannelPatch', additionalProperties: false },
);
/** See the schema. */
export type ChannelPatch = Static<typeof ChannelPatch>;

/** A live stream that interrupts the schedule. */
export const ChannelLive = Type.Object(
  {
    stream: Type.String({ maxLength: 64, description: 'its name' }),
    seconds: Type.Optional(
      Type.Number({ minimum: 1, maximum: MAX_ITEM_S, description: 'when it ends at the latest; default 4 hours' }),
    ),
  },
  { $id: 'ChannelLive', additionalProperties: false },
);
/** See the schema. */
export type ChannelLive = Static<typeof ChannelLive>;

/** What a channel shows, for its viewers. */
export const ChannelGuide = Type.Object(
  { items: Type.Array(ChannelAiring), nextCursor: Type.Null() },
  { $id: 'ChannelGuide' },
);

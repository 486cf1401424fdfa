/**
 * The JSON of playback sessions: who watches a stream now, and what their players report.
 * In: delivery/viewers. Out: `GET /streams/{name}/sessions`. Never a viewer's address.
 */
import type { Static } from 'typebox';
import { Type } from './type.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });
const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(type: T, description: string) =>
  Type.Union([type, Type.Null()], { description });

export const PlayerState = Type.Union([
  Type.Literal('starting'),
  Type.Literal('playing'),
  Type.Literal('seeking'),
  Type.Literal('buffering'),
  Type.Literal('paused'),
]);
/** See the schema. */
export type PlayerState = Static<typeof PlayerState>;

/** One player's playback of a stream. Facts that only the player knows are null without its report. */
export const PlaybackSession = Type.Object(
  {
    id: Type.String({ description: 'the same for all requests and reports of a player while oxbow runs' }),
    startedAt: Time,
    seenAt: Type.String({ format: 'date-time', description: 'its last request or report' }),
    reportedAt: orNull(Time, 'its last report; null: it is known by its requests alone'),
    state: Type.Union([...PlayerState.anyOf, Type.Null()], { description: 'what the player is doing' }),
    live: orNull(Type.Boolean(), 'false: recorded media'),
    at: orNull(Time, 'the moment that it showed when it reported'),
    latency: orNull(Type.Number(), 'seconds from that moment to the time of the report'),
    buffer: orNull(Type.Number(), 'media ahead of that moment, seconds'),
    rendition: orNull(Type.String(), 'the rendition that it plays'),
    bitrate: orNull(Type.Integer(), 'of that rendition, bit/s'),
  },
  { $id: 'PlaybackSession' },
);
/** See the schema. */
export type PlaybackSession = Static<typeof PlaybackSession>;

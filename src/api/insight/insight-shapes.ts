/**
 * The JSON of insight: how many watch, how well it plays, where viewers leave, and what they watch again.
 * In: features/insight. Out: routes below /api/v1/insight; the pages of insight. Never a viewer's address.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

/** Most values of one list: streams, edges, countries. */
export const MOST_KEYS = 200;
/** Most series of the audience; further ones are summed into one. */
export const MOST_SERIES = 20;
/** Most steps of a range. */
export const MOST_STEPS = 1000;
/** Most sessions of a page, and of a CSV file. */
export const MOST_SESSIONS = 500;
export const MOST_CSV_SESSIONS = 10_000;
/** Length of a bucket of positions, seconds: streams and assets. */
export const BUCKET_S = 5;

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });
const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(type: T, description: string) =>
  Type.Union([type, Type.Null()], { description });

const KeyViewers = Type.Object(
  {
    key: orNull(
      Type.String(),
      'name of a stream, id of an asset, host name of an edge, or code of a country; null: it is unknown, or of an edge: this server',
    ),
    viewers: Type.Integer({ description: 'sessions that play now' }),
  },
  { $id: 'InsightViewers' },
);

/** Sessions that play at this moment, counted by each key. */
export const AudienceNow = Type.Object(
  {
    at: Time,
    viewers: Type.Integer({ description: 'sessions that play now' }),
    live: Type.Integer({ description: 'of them, what is live' }),
    past: Type.Integer({ description: 'of them, the past of streams' }),
    streams: Type.Array(KeyViewers, { maxItems: MOST_KEYS, description: 'the most watched first' }),
    assets: Type.Array(KeyViewers, { maxItems: MOST_KEYS }),
    edges: Type.Array(KeyViewers, { maxItems: MOST_KEYS }),
    countries: Type.Array(KeyViewers, { maxItems: MOST_KEYS }),
  },
  { $id: 'AudienceNow' },
);
/** See the schema. */
export type AudienceNow = Static<typeof AudienceNow>;

const AudiencePoint = Type.Object(
  {
    at: Type.String({ format: 'date-time', description: 'beginning of the step' }),
    viewers: Type.Number({ description: 'sessions that play at a time, on average over the step' }),
    watched: Type.Number({ description: 'hours that were watched' }),
  },
  { $id: 'AudiencePoint' },
);

/** The audience over time. */
export const Audience = Type.Object(
  {
    from: Time,
    to: Time,
    step: Type.Integer({ description: 'seconds; whole hours for ranges of more than six hours' }),
    series: Type.Array(
      Type.Object({
        key: orNull(Type.String(), 'as in AudienceNow; null: all, unknown, or this server'),
        rest: Type.Boolean({ description: `true: the sum of all after the ${MOST_SERIES} largest` }),
        sessions: Type.Integer({ description: 'sessions that began' }),
        watched: Type.Number({ description: 'hours that were watched in the range' }),
        points: Type.Array(AudiencePoint, { maxItems: MOST_STEPS }),
      }),
      { maxItems: MOST_SERIES + 1, description: 'the most watched first' },
    ),
  },
  { $id: 'Audience' },
);
/** See the schema. */
export type Audience = Static<typeof Audience>;

/** How well it plays. */
export const PlaybackQuality = Type.Object(
  {
    key: orNull(Type.String(), 'as in AudienceNow; null: all, unknown, or this server'),
    at: orNull(Time, 'beginning of the hour, with `by=hour`'),
    sessions: Type.Integer({ description: 'sessions that began' }),
    watched: Type.Number({ description: 'hours that were watched' }),
    startup: Type.Object({
      count: Type.Integer({ description: 'sessions whose start-up time is known' }),
      p50: orNull(Type.Number(), 'seconds'),
      p75: orNull(Type.Number(), 'seconds'),
      p95: orNull(Type.Number(), 'seconds'),
      p99: orNull(Type.Number(), 'seconds'),
    }),
    stalls: Type.Integer(),
    stalled: Type.Number({ description: 'seconds' }),
    stallRatio: orNull(Type.Number(), 'share of the time that players stalled: stalled / (stalled + watched), 0 to 1'),
    stallsPerHour: orNull(Type.Number(), 'stalls in one watched hour'),
    bitrate: orNull(Type.Integer(), 'mean of what played, bit/s'),
    errors: Type.Integer({ description: 'errors that players report' }),
    failed: Type.Integer({ description: 'sessions that ended with a fatal error' }),
  },
  { $id: 'PlaybackQuality' },
);
/** See the schema. */
export type PlaybackQuality = Static<typeof PlaybackQuality>;

/** The most watched seconds of the past of a stream, or where its viewers left. */
export const WatchHeat = Type.Object(
  {
    from: Time,
    to: Time,
    step: Type.Integer({ description: `seconds, a multiple of ${BUCKET_S}` }),
    items: Type.Array(
      Type.Object({
        at: Type.String({ format: 'date-time', description: 'beginning of the step, in the time of the media' }),
        watched: Type.Number({ description: 'seconds that viewers watched it as a recording, of all viewers' }),
        left: Type.Integer({ description: 'sessions that ended there, of live and recorded media' }),
      }),
      { maxItems: MOST_STEPS, description: 'in order of time; steps without any are omitted' },
    ),
    most: Type.Array(Type.Object({ at: Time, watched: Type.Number({ description: 'seconds' }) }), {
      maxItems: 100,
      description: 'the steps that were watched most, the first is the most watched',
    }),
  },
  { $id: 'WatchHeat' },
);
/** See the schema. */
export type WatchHeat = Static<typeof WatchHeat>;

/** How far viewers of an asset watch. */
export const Retention = Type.Object(
  {
    from: Time,
    to: Time,
    sessions: Type.Integer({ description: 'sessions that watched any of it' }),
    step: Type.Integer({ description: `seconds, a multiple of ${BUCKET_S}` }),
    points: Type.Array(
      Type.Object({
        at: Type.Number({ description: 'seconds from the start of the asset' }),
        share: Type.Number({ description: 'of the sessions, those that watched there, 0 to 1' }),
        watched: Type.Number({ description: 'seconds that viewers watched it' }),
        left: Type.Integer({ description: 'sessions that ended there' }),
      }),
      { maxItems: MOST_STEPS },
    ),
  },
  { $id: 'Retention' },
);
/** See the schema. */
export type Retention = Static<typeof Retention>;

/** What a player did from its start to its end, over all nodes; times are cut to the range. */
export const ViewingSession = Type.Object(
  {
    id: Type.String({ description: 'a hash of the session id that the player chose; no viewer can be found by it' }),
    stream: orNull(Type.String(), 'name of the stream; null: an asset'),
    asset: orNull(Type.String(), 'id of the asset; null: a stream'),
    startedAt: Type.String({ format: 'date-time', description: 'to the minute' }),
    endedAt: Type.String({ format: 'date-time', description: 'end of the last minute of the range with reports' }),
    watched: Type.Number({ description: 'seconds' }),
    live: Type.Number({ description: 'of them, live media, seconds' }),
    startup: orNull(Type.Number(), 'start-up time, seconds'),
    stalls: Type.Integer(),
    stalled: Type.Number({ description: 'seconds' }),
    bitrate: orNull(Type.Integer(), 'mean of what played, bit/s'),
    errors: Type.Integer(),
    failed: Type.Boolean({ description: 'it ended with a fatal error' }),
    edge: orNull(Type.String(), 'host name of the edge; null: this server'),
    country: orNull(Type.String(), 'null: unknown'),
    player: orNull(Type.String(), 'how the facts came: `report`, `event` or `request`; null: unknown'),
  },
  { $id: 'ViewingSession' },
);
/** See the schema. */
export type ViewingSession = Static<typeof ViewingSession>;

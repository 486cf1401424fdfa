/**
 * The JSON of the API, shared with the web interface. Times are RFC 3339 in UTC with milliseconds, durations
 * seconds.
 * In: http/routes. Out: web/, OpenAPI, other people's programs.
 */

import { type GapCause, gapCauses } from '@oxbow/media/gap';
import type { Static } from 'typebox';
import { WatchRuleSettings } from './access/watch-rules-shapes.ts';
import { alarmSettings } from './alarms/alarm-settings.ts';
import { HealingNote, healingSettings } from './healing/healing-shapes.ts';
import { LadderView, qualitySettings } from './ladder/ladder-shapes.ts';
import { PastRuleSettings, PastRulesView } from './past/past-rules.ts';
import { peerFields, peerSettings } from './peers/peer-shapes.ts';
import { rewoundSettings } from './rewound/rewound-shapes.ts';
import { MediaRates, SourceFacts } from './source-facts.ts';
import { encryptionSetting, SegmentEncryption } from './stream/encryption-shapes.ts';
import { MAX_DESCRIPTION, MAX_TITLE } from './stream/stream-texts.ts';
import { Type } from './type.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });

/** The state of a stream now. */
export const StreamState = Type.Union(
  [
    Type.Literal('starting', { description: 'connecting to the source' }),
    Type.Literal('live', { description: 'media flows' }),
    Type.Literal('waiting', {
      description: 'the source is down, its publisher sends nothing, or the recording could not be opened',
    }),
    Type.Literal('unpublished', { description: 'of a push source: no publisher is connected' }),
    Type.Literal('offline', { description: 'the live source ended its playlist; oxbow checks whether it returns' }),
    Type.Literal('ended', { description: 'the source was a recording and has been played to its end' }),
    Type.Literal('paused', { description: 'paused by a person: its publisher stays connected, its media is dropped' }),
    Type.Literal('stopped', { description: 'stopped by a person' }),
  ],
  { $id: 'StreamState' },
);
export type StreamState = Static<typeof StreamState>;

/** One track of a live stream. */
export const TrackView = Type.Object(
  {
    id: Type.Integer(),
    kind: Type.Union([Type.Literal('video'), Type.Literal('audio'), Type.Literal('text'), Type.Literal('data')]),
    codecs: Type.String({ description: 'RFC 6381' }),
    language: Type.String(),
    width: Type.Optional(Type.Integer()),
    height: Type.Optional(Type.Integer()),
    frameRate: Type.Optional(Type.Number()),
    sampleRate: Type.Optional(Type.Integer()),
    channels: Type.Optional(Type.Integer()),
    codec: Type.Optional(
      Type.String({
        description: 'name of the codec where `codecs` does not say it: `mp1` or `mp2`, which differ from MP3',
      }),
    ),
    convertedFrom: Type.Optional(
      Type.String({ description: 'the codec that the publisher sends, e.g. `mp2` or `vp8`, if it is converted' }),
    ),
  },
  { $id: 'TrackView' },
);
export type TrackView = Static<typeof TrackView>;

/** A stream as every client that may see it receives it. */
export const StreamView = Type.Object(
  {
    name: Type.String(),
    state: StreamState,
    /** Present while viewers see a picture because the publisher is away: the live playlist continues. */
    away: Type.Optional(Type.Literal(true)),
    /**
     * Why the stream is not live, for a person; of a live stream the unrecorded media: unsupported tracks, or
     * everything while the disk is full.
     */
    problem: Type.String(),
    /** Where the stream is defined: `api`, or a place that the API cannot change. */
    origin: Type.Union([
      Type.Literal('api'),
      Type.Literal('command-line'),
      Type.Literal('configuration'),
      Type.Literal('sample'),
    ]),
    source: Type.Object({
      type: Type.Union([Type.Literal('pull'), Type.Literal('push'), Type.Literal('test'), Type.Literal('channel')]),
    }),
    /**
     * The publisher of a stream of source type `push`; null while none is connected, and for other streams.
     */
    publisher: Type.Union([
      Type.Object({
        protocol: Type.String({ description: '`rtmp`, `srt`, `rtp`, `whip`' }),
        since: Time,
        standby: Type.Integer({ description: 'number of standby publishers' }),
      }),
      Type.Null(),
    ]),
    title: Type.String({ description: 'for viewers; if empty, the name is shown' }),
    description: Type.String({ description: 'a few sentences for viewers; may be empty' }),
    picture: Type.Union([Type.String(), Type.Null()], {
      description:
        'path of the picture on cards and link previews; another path when the picture changes; null for none',
    }),
    record: Type.Boolean(),
    keep: Type.Optional(
      Type.String({ description: 'how long its recordings are kept, e.g. `7d`; absent: the setting `record.keep`' }),
    ),
    storage: Type.Optional(
      Type.String({
        description: 'object store of its recordings, or `local`; absent: the setting `storage.target`',
      }),
    ),
    alarms: Type.Optional(Type.String({ description: 'changes of the rules of alarms; absent: none' })),
    encryption: Type.Optional(SegmentEncryption),
    showRewound: Type.Optional(
      Type.Literal(true, { description: 'viewers see on the timeline which parts were watched most; absent: no' }),
    ),
    ...peerFields,
    /** Whether the further qualities are recorded too. */
    recordQualities: Type.Optional(Type.Boolean()),
    /** The further qualities that the live Multivariant Playlist lists now, e.g. `720`; absent: none. */
    qualities: Type.Optional(Type.Array(Type.String())),
    /** The qualities that are encoded of the live stream; absent: none. */
    ladder: Type.Optional(LadderView),
    visibility: Type.Union([
      Type.Literal('public', { description: 'listed; anyone may watch' }),
      Type.Literal('unlisted', { description: 'not listed; anyone who knows its name may watch' }),
      Type.Literal('signed', { description: 'clients with a playback token' }),
      Type.Literal('private', { description: 'administrators' }),
    ]),
    past: Type.Optional(PastRulesView),
    createdAt: Time,
    liveSince: Type.Union([Time, Type.Null()]),
    tracks: Type.Array(TrackView),
    /** The description of the source; null until it was read. Never its address. */
    facts: Type.Union([SourceFacts, Type.Null()]),
    /** Measured while media flows. */
    media: Type.Union([MediaRates, Type.Null()]),
    recorded: Type.Object({
      from: Type.Union([Time, Type.Null()]),
      to: Type.Union([Time, Type.Null()]),
      seconds: Type.Number(),
      bytes: Type.Integer(),
    }),
    viewers: Type.Integer({
      description: 'players that requested media or reported their session in the last 30 s, live and recorded',
    }),
    /** Path of the multivariant playlist. */
    hls: Type.String(),
    /** Path of the DASH manifest. */
    dash: Type.String(),
  },
  { $id: 'StreamView' },
);
export type StreamView = Static<typeof StreamView>;

const audioOffset = Type.Optional(
  Type.String({
    maxLength: 20,
    description: 'by how much audio is presented later, e.g. `120ms`; at most 2 s, negative: earlier',
  }),
);

/** Which audio is converted to AAC. */
const AudioConversion = Type.Union([
  Type.Literal('auto', { description: 'MP2, which no browser plays, is converted to AAC; the default' }),
  Type.Literal('aac', { description: 'all audio but AAC, Opus and FLAC is converted to AAC' }),
  Type.Literal('keep', { description: 'audio is recorded as it comes' }),
]);
const audio = Type.Optional(AudioConversion);

/** The handling of a publisher while another one is active. */
const WhileAway = Type.Union(
  [
    Type.Literal('nothing', { description: 'the picture stops; the default' }),
    Type.Literal('last-picture', { description: 'the last picture of the publisher stays, without sound' }),
    Type.Literal('slate', { description: 'the picture of the stream or, without one, its title' }),
  ],
  { description: 'what viewers see when the connection of the publisher is lost' },
);

const OnSecondPublisher = Type.Union([
  Type.Literal('refuse', { description: 'a second publisher is refused; the default' }),
  Type.Literal('replace', { description: 'it replaces the first one at its first key frame' }),
  Type.Literal('standby', { description: 'it takes over when the first one leaves or stalls' }),
]);

/** Where the media of a stream comes from. */
export const StreamSource = Type.Union(
  [
    Type.Object(
      {
        type: Type.Literal('pull'),
        url: Type.String({ maxLength: 4096 }),
        audioOffset,
        audio,
        backup: Type.Optional(
          Type.String({ maxLength: 4096, description: 'a second address, read while `url` delivers no media' }),
        ),
        quality: Type.Optional(
          Type.String({ maxLength: 40, description: '`best`, `worst`, a height as `720p`, a bitrate as `2M`' }),
        ),
        qualities: Type.Optional(
          Type.String({
            maxLength: 80,
            description:
              'further variants of a playlist that become qualities of the stream: `best` (default) none, `all`, or heights as `720p, 480p`',
          }),
        ),
        from: Type.Optional(
          Type.String({ maxLength: 40, description: 'how far before the live edge recording starts, e.g. `30m`' }),
        ),
        userAgent: Type.Optional(
          Type.String({ maxLength: 1000, description: 'User-Agent, or the name of a preset: `vsr`' }),
        ),
        headers: Type.Optional(
          Type.Unsafe<Readonly<Record<string, string>>>({
            type: 'object',
            maxProperties: 50,
            additionalProperties: { type: 'string', maxLength: 4096 },
            description: 'header fields sent to the source; never shown again',
          }),
        ),
      },
      { additionalProperties: false },
    ),
    Type.Object(
      {
        type: Type.Literal('push'),
        onSecondPublisher: Type.Optional(OnSecondPublisher),
        quality: Type.Optional(
          Type.String({
            maxLength: 40,
            description:
              'of a publisher with several pictures, the one of the stream: `best` (default), `worst`, a height as `720p`',
          }),
        ),
        qualities: Type.Optional(
          Type.String({
            maxLength: 80,
            description:
              'its other pictures that become qualities of the stream: `all` (default), `best` for none, or heights as `720p, 480p`',
          }),
        ),
        whileAway: Type.Optional(WhileAway),
        awayLimit: Type.Optional(
          Type.String({ maxLength: 20, description: 'how long, e.g. `30m`; default `10m`, at most 24 hours' }),
        ),
        audioOffset,
        audio,
        latency: Type.Optional(
          Type.String({
            maxLength: 20,
            description: 'latency of SRT, e.g. `200ms`; default: the setting `srtLatency`',
          }),
        ),
        passphrase: Type.Optional(
          Type.String({
            maxLength: 79,
            description: 'passphrase of SRT, 10 to 79 bytes; default: the setting `srtPassphrase`; never shown again',
          }),
        ),
      },
      { additionalProperties: false },
    ),
    Type.Object({ type: Type.Literal('test') }, { additionalProperties: false }),
    Type.Object({ type: Type.Literal('channel') }, { additionalProperties: false }),
  ],
  { $id: 'StreamSource' },
);
export type StreamSource = Static<typeof StreamSource>;

/** Never shown to viewers: GET /streams/{name}/access has them. */
const watchRules = Type.Optional(
  Type.Union([WatchRuleSettings, Type.Null()], {
    description: 'who may watch by network and country; null or empty: the setting `watchRules`',
  }),
);

const past = Type.Optional(
  Type.Union([PastRuleSettings, Type.Null()], {
    description: 'the rules for the past, all of them; null or empty: viewers may see all that is kept',
  }),
);

/** Body of PUT /streams/{name}; POST adds the name. */
export const StreamSettings = Type.Object(
  {
    source: StreamSource,
    title: Type.Optional(Type.String({ maxLength: MAX_TITLE, description: 'for viewers, instead of the name' })),
    description: Type.Optional(Type.String({ maxLength: MAX_DESCRIPTION, description: 'a few sentences for viewers' })),
    record: Type.Optional(Type.Boolean()),
    keep: Type.Optional(Type.String({ description: 'how long recordings are kept, e.g. 7d' })),
    storage: Type.Optional(
      Type.Union([
        Type.String({
          maxLength: 32,
          description: 'object store of its recordings, by its name in `storage.targets`, or `local`',
        }),
        Type.Null(),
      ]),
    ),
    ...alarmSettings,
    ...rewoundSettings,
    ...peerSettings,
    ...healingSettings,
    visibility: Type.Optional(StreamView.properties.visibility),
    watchRules,
    past,
    encryption: encryptionSetting,
    ...qualitySettings,
  },
  { $id: 'StreamSettings', additionalProperties: false },
);
export type StreamSettings = Static<typeof StreamSettings>;

const { title, description, record, keep, visibility, storage } = StreamSettings.properties;

const orDefault = (description: string, maxLength: number) =>
  Type.Optional(Type.Union([Type.String({ maxLength, description }), Type.Null()]));

/** A change of the settings of a source; null restores the default. */
export const PushSourcePatch = Type.Object(
  {
    url: Type.Optional(
      Type.String({
        maxLength: 4096,
        description:
          'only of sources of type `pull`: `***` is the password or the query as it is stored, if scheme, host, port and user stay',
      }),
    ),
    backup: orDefault('only of sources of type `pull`: as `url`', 4096),
    onSecondPublisher: Type.Optional(Type.Union([OnSecondPublisher, Type.Null()])),
    quality: orDefault('as in StreamSource', 40),
    qualities: orDefault('as in StreamSource', 80),
    whileAway: Type.Optional(Type.Union([WhileAway, Type.Null()])),
    awayLimit: orDefault('as in StreamSource', 20),
    audioOffset: orDefault('as in StreamSource', 20),
    audio: Type.Optional(Type.Union([AudioConversion, Type.Null()])),
    latency: orDefault('as in StreamSource', 20),
    passphrase: orDefault('as in StreamSource', 79),
  },
  {
    $id: 'PushSourcePatch',
    additionalProperties: false,
    description:
      'the address only of sources of type `pull`, everything else only of type `push`; qualities, latency, passphrase, audio offset and conversion apply to the next publisher',
  },
);
export type PushSourcePatch = Static<typeof PushSourcePatch>;

/** The settings of a source, without its secrets. */
export const SourceSettings = Type.Object(
  {
    type: StreamView.properties.source.properties.type,
    audioOffset: Type.String({ description: 'by how much audio is presented later, e.g. `120ms`; negative: earlier' }),
    audio: AudioConversion,
    onSecondPublisher: Type.Union([OnSecondPublisher, Type.Null()], {
      description: 'null for other types than `push`',
    }),
    quality: Type.Union([Type.String(), Type.Null()], {
      description: 'of a publisher with several pictures, the one of the stream; null: the default, and other types',
    }),
    qualities: Type.Union([Type.String(), Type.Null()], {
      description: 'its other pictures that are qualities; null: the default, and other types than `push`',
    }),
    whileAway: Type.Union([WhileAway, Type.Null()], { description: 'null for other types than `push`' }),
    awayLimit: Type.Union([Type.String(), Type.Null()], { description: 'null for other types than `push`' }),
    latency: Type.Union([Type.String(), Type.Null()], {
      description: 'latency of SRT, e.g. `200ms`; null: the setting `srtLatency`',
    }),
    address: Type.Union([Type.String(), Type.Null()], {
      description: 'of type `pull`, with `***` for its password and its query; null for other types',
    }),
    backup: Type.Union([Type.String(), Type.Null()], { description: 'the second address, in the same form' }),
    hasPassphrase: Type.Boolean({ description: 'the stream has its own SRT passphrase' }),
  },
  { $id: 'SourceSettings' },
);
export type SourceSettings = Static<typeof SourceSettings>;

/**
 * A change of a stream (RFC 7396): members that are not sent stay, null restores the default. Of a pulled
 * source only the address can be changed.
 */
export const StreamPatch = Type.Object(
  {
    title,
    description,
    record,
    storage,
    ...alarmSettings,
    ...rewoundSettings,
    ...peerSettings,
    ...healingSettings,
    keep: Type.Optional(Type.Union([keep, Type.Null()])),
    visibility: Type.Optional(Type.Union([visibility, Type.Null()])),
    watchRules,
    past,
    encryption: encryptionSetting,
    ...qualitySettings,
    source: Type.Optional(PushSourcePatch),
  },
  { $id: 'StreamPatch', additionalProperties: false },
);
export type StreamPatch = Static<typeof StreamPatch>;

/** How many spans were merged into this one; it lasts as long as all of them. */
const Merged = Type.Optional(Type.Integer({ description: 'number of merged spans, if `res` is not 0' }));

/** A span of time, [from, to). */
export const Span = Type.Object({ from: Time, to: Time, merged: Merged }, { $id: 'Span' });
export type Span = Static<typeof Span>;

/** A span without media, and its cause. */
export const GapView = Type.Object(
  {
    from: Time,
    to: Time,
    cause: Type.Unsafe<GapCause>(Type.String({ enum: [...gapCauses] })),
    detail: Type.String(),
    merged: Merged,
    healing: Type.Optional(HealingNote),
  },
  { $id: 'GapView' },
);
export type GapView = Static<typeof GapView>;

/** Media that was missing and was found later; it is a part of the spans. */
export const HealedView = Type.Object(
  {
    from: Time,
    to: Time,
    cause: Type.Unsafe<GapCause | 'offline'>(
      Type.String({ enum: ['offline', ...gapCauses], description: 'why it was missing' }),
    ),
    detail: Type.String({ description: 'the same in words' }),
    healedAt: Time,
    source: Type.String({ description: 'name of the source that had it' }),
    how: Type.Unsafe<'dated' | 'same-frames' | 'sound'>(
      Type.String({
        enum: ['dated', 'same-frames', 'sound'],
        description:
          'how its time is known: by the dates of the source, by the same frames, by the loudness of the sound',
      }),
    ),
    errorMs: Type.Number({ description: 'largest error of its time' }),
  },
  { $id: 'HealedView' },
);
export type HealedView = Static<typeof HealedView>;

/** A text that a person set at an instant of the timeline. */
export const MarkerView = Type.Object({ id: Type.String(), at: Time, text: Type.String() }, { $id: 'MarkerView' });
export type MarkerView = Static<typeof MarkerView>;

/** A span that retention does not delete. */
export const PinView = Type.Object(
  { id: Type.String(), from: Time, to: Time, text: Type.String() },
  { $id: 'PinView' },
);
export type PinView = Static<typeof PinView>;

/** The recorded timeline of a stream; spans, gaps, offline and deleted cover it without overlap. */
export const TimelineView = Type.Object(
  {
    from: Time,
    to: Time,
    /** Resolution, seconds: shorter spans may be merged. 0: nothing is merged. */
    res: Type.Integer(),
    spans: Type.Array(Span),
    healed: Type.Array(HealedView, { description: 'the parts of the spans that were found later, oldest first' }),
    gaps: Type.Array(GapView),
    offline: Type.Array(Span),
    deleted: Type.Array(Span, { description: 'deleted by retention' }),
    runs: Type.Array(
      Type.Object({
        run: Type.Integer(),
        firstMsn: Type.Integer(),
        utcOffset: Type.Number({ description: 'UTC of pts 0, unix seconds' }),
      }),
    ),
    windows: Type.Array(
      Type.Object({
        from: Type.Integer({ description: 'unix seconds' }),
        to: Type.Integer({ description: 'unix seconds' }),
        rev: Type.Integer(),
        closed: Type.Boolean(),
      }),
    ),
    pins: Type.Array(PinView),
    markers: Type.Array(MarkerView),
  },
  { $id: 'TimelineView' },
);
export type TimelineView = Static<typeof TimelineView>;

/** The process and its machine. */
export const SystemView = Type.Object(
  {
    version: Type.String(),
    node: Type.String(),
    startedAt: Time,
    now: Time,
    cpu: Type.Object({
      seconds: Type.Number({ description: 'CPU time of the process since it started' }),
      cores: Type.Integer({ description: 'that the process may use' }),
    }),
    memory: Type.Object({
      rss: Type.Integer(),
      heapUsed: Type.Integer(),
      external: Type.Integer(),
      arrayBuffers: Type.Integer(),
      shared: Type.Integer(),
    }),
    disk: Type.Object({ free: Type.Integer(), total: Type.Integer(), recordings: Type.Integer() }),
    streams: Type.Integer(),
    children: Type.Object({
      running: Type.Integer({ description: 'media engine processes' }),
      network: Type.Union([Type.Literal('isolated'), Type.Literal('unavailable'), Type.Literal('off')], {
        description: '`isolated`: they have no network; `unavailable`: the system does not allow it',
      }),
      detail: Type.String(),
    }),
    waitingForRestart: Type.Array(Type.String(), {
      description: 'paths of changed settings that need a restart',
    }),
  },
  { $id: 'SystemView' },
);
export type SystemView = Static<typeof SystemView>;

/** RFC 9457. */
export const ProblemView = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String(),
    detail: Type.String(),
    hint: Type.Optional(Type.String()),
    traceId: Type.String(),
    errors: Type.Optional(Type.Array(Type.Object({ pointer: Type.String(), message: Type.String() }))),
  },
  { $id: 'ProblemView' },
);
export type ProblemView = Static<typeof ProblemView>;

/**
 * The JSON of the inner state of a stream: buffers, clocks, codec configurations, pressure,
 * recovery.
 * In: features/inspect. Out: its routes, for administrators.
 */

import { gapCauses } from '@oxbow/media/gap';
import type { Static } from 'typebox';
import { StreamState } from './shapes.ts';
import { Type } from './type.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });
const orNull = <S extends ReturnType<typeof Type.Number> | ReturnType<typeof Type.String>>(schema: S) =>
  Type.Union([schema, Type.Null()]);
const Level = Type.Integer({
  description: 'the highest of 25, 50, 75 and 90 percent of the bound that was reached, or 0',
});
const Fill = { bytes: Type.Integer(), maxBytes: Type.Integer(), level: Level };

/** The media of a stream in memory. */
export const StreamBuffer = Type.Object(
  {
    gop: Type.Object(
      {
        kept: Type.Boolean({ description: 'false: no sink or standby publisher needs it now' }),
        gops: Type.Integer({ description: 'the one in progress included' }),
        frames: Type.Integer(),
        bytes: Type.Integer(),
        seconds: Type.Number(),
        tooLarge: Type.Boolean({ description: 'the GOP in progress exceeded its bounds and was dropped' }),
      },
      { description: 'the newest GOPs, for sinks that come now' },
    ),
    window: Type.Object(
      {
        generation: Type.Union([Type.Integer(), Type.Null()]),
        ended: Type.Boolean({ description: 'the live playlist has ended' }),
        memoryBytes: Type.Integer({ description: 'bytes of media in memory' }),
        segments: Type.Array(
          Type.Object({
            msn: Type.Integer(),
            at: Time,
            duration: orNull(Type.Number({ description: 'seconds; null while it is open' })),
            bytes: Type.Integer(),
            parts: Type.Integer({ description: 'of the reference track' }),
            inMemory: Type.Boolean({ description: 'false: it is read from the recording' }),
            discontinuity: Type.Boolean(),
          }),
        ),
      },
      { description: 'the live playlist, oldest segment first' },
    ),
    recorder: Type.Object({ waitingBytes: Type.Integer({ description: 'published media that waits for the disk' }) }),
  },
  { $id: 'StreamBuffer' },
);
export type StreamBuffer = Static<typeof StreamBuffer>;

/** The clocks of a stream. */
export const StreamSync = Type.Object(
  {
    run: Type.Union(
      [
        Type.Object({
          id: Type.Integer(),
          utcOffset: Type.Number({ description: 'UTC of pts 0, unix seconds' }),
          clock: Type.Union([Type.Literal('source'), Type.Literal('arrival')]),
          since: Time,
        }),
        Type.Null(),
      ],
      { description: 'the current run; null while no media flows' },
    ),
    skew: orNull(
      Type.Number({ description: 'how far the wall clock is ahead of the time of the media since the run began, ms' }),
    ),
    drift: orNull(
      Type.Number({
        description:
          'drift of the timestamps against the clock of this server over the last ten minutes, parts per million; positive: the clock of the encoder is slow. Null in the first minute, and for bursty sources',
      }),
    ),
    driftOver: orNull(Type.Number({ description: 'time over which `drift` was measured, seconds' })),
    avOffset: orNull(
      Type.Number({
        description:
          'how far audio has moved after the picture since the publisher began, ms; negative: before. It compares the newest timestamps of both tracks: the order of sending does not count, only its change. It is measured, never corrected. Null in the first 15 seconds, without both tracks, and for bursty sources',
      }),
    ),
    audioOffset: Type.Number({
      description:
        'by how much oxbow presents the audio of the current run later, ms: `source.audioOffset` when the run began',
    }),
    audioBehind: Type.Union([Type.Object({ least: Type.Number(), most: Type.Number() }), Type.Null()], {
      description:
        'how far audio arrived after its video in the last minute, ms of media. This is the order of sending, not an offset',
    }),
    jitter: orNull(Type.Number({ description: 'jitter of the arrival, ms' })),
    tracks: Type.Array(
      Type.Object({
        id: Type.Integer(),
        kind: Type.String(),
        timescale: Type.Integer({ description: 'ticks per second' }),
        lastDts: orNull(Type.Number({ description: 'decode time of the last frame from the publisher, seconds' })),
      }),
    ),
    runs: Type.Array(Type.Object({ run: Type.Integer(), firstMsn: Type.Integer(), utcOffset: Type.Number() }), {
      description: 'runs of the live playlist, oldest first',
    }),
  },
  { $id: 'StreamSync' },
);
export type StreamSync = Static<typeof StreamSync>;

/** The codec configuration of one track. */
const ParameterSet = Type.Object({
  kind: Type.String({ description: '`SPS`, `PPS`, `VPS`, `AudioSpecificConfig`, or the name of the box' }),
  hex: Type.String(),
});

/** The codec configurations of a stream. */
export const StreamParameters = Type.Object(
  {
    tracks: Type.Array(
      Type.Object({
        id: Type.Integer(),
        kind: Type.String(),
        codec: Type.String(),
        codecs: Type.String({ description: 'RFC 6381' }),
        language: Type.String(),
        record: Type.String({ description: 'body of the configuration box (avcC, hvcC, av1C, vpcC, dOps …), base64' }),
        sets: Type.Array(ParameterSet),
        facts: Type.Unsafe<Readonly<Record<string, string | number | boolean>>>({
          type: 'object',
          additionalProperties: { type: ['string', 'number', 'boolean'] },
          description: 'fields of the parameter sets, such as profile, level, width, height, frame rate, bit depth',
        }),
      }),
    ),
  },
  { $id: 'StreamParameters' },
);
export type StreamParameters = Static<typeof StreamParameters>;

const Loss = Type.Object({ gops: Type.Integer(), frames: Type.Integer() });

/** How full the bounded buffers of a stream are, and what its sinks lost. */
export const StreamBackpressure = Type.Object(
  {
    level: Level,
    memory: Type.Object(Fill, { description: 'frames that wait in sinks and the GOP buffer of this stream' }),
    totalMemory: Type.Object(Fill, { description: 'of all streams' }),
    recorder: Type.Object(Fill, {
      description: 'segments that wait for the disk; at the bound a gap with cause `overload`',
    }),
    sinks: Type.Array(
      Type.Object({
        name: Type.String(),
        queuedBytes: Type.Integer(),
        maxBytes: Type.Integer({ description: '0: it has no queue' }),
        level: Level,
        waitsForKeyFrame: Type.Boolean(),
        lost: Type.Object({ slow: Loss, 'gop-too-large': Loss, memory: Loss }),
      }),
    ),
  },
  { $id: 'StreamBackpressure' },
);
export type StreamBackpressure = Static<typeof StreamBackpressure>;

/** Kinds of things that interrupt a stream or end an interruption. */
export const recoveryKinds = [
  'live',
  'gap',
  'offline',
  'connected',
  'left',
  'refused',
  'switched',
  'damage',
  'loss',
  'keyless',
] as const;

/** How a stream recovered from interruptions. */
export const StreamRecovery = Type.Object(
  {
    state: StreamState,
    problem: Type.String({ description: 'why it is not live; may be empty' }),
    since: Type.String({ ...Time, description: 'start of the counts: the stream was opened by this process' }),
    counts: Type.Object({
      runs: Type.Integer({ description: 'times that media began or continued after an interruption' }),
      gaps: Type.Integer(),
      connects: Type.Integer({ description: 'publishers that connected, and (re)starts of a source' }),
      refused: Type.Integer(),
      switches: Type.Integer({ description: 'another publisher took over' }),
      damage: Type.Integer({ description: 'damaged places in the media' }),
      lostGops: Type.Integer({ description: 'GOPs that slow sinks lost' }),
      keyless: Type.Integer({ description: 'times that no key frame came for ten seconds' }),
    }),
    lastDay: Type.Array(
      Type.Object({
        cause: Type.Unsafe<(typeof gapCauses)[number]>(Type.String({ enum: [...gapCauses] })),
        gaps: Type.Integer(),
        seconds: Type.Number(),
      }),
      { description: 'gaps of the last 24 hours by cause' },
    ),
    events: Type.Array(
      Type.Object({
        at: Time,
        kind: Type.Unsafe<(typeof recoveryKinds)[number]>(Type.String({ enum: [...recoveryKinds] })),
        detail: Type.String({ description: 'for a person; never an address' }),
      }),
      { description: 'the last 100, newest first' },
    ),
  },
  { $id: 'StreamRecovery' },
);
export type StreamRecovery = Static<typeof StreamRecovery>;

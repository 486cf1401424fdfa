/**
 * The JSON of the ladder of a live stream: its settings, and what its encoder does.
 * In: streams. Out: api/shapes.ts, web/.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

const LadderStart = Type.Union(
  [
    Type.Literal('viewer', { description: 'from the first viewer on until a minute after the last one; the default' }),
    Type.Literal('always', { description: 'while the stream is live' }),
  ],
  { description: 'when the encoder of the ladder runs' },
);

/**
 * The settings of the further qualities of a stream, for its creation and its changes; null restores the
 * default.
 */
export const qualitySettings = {
  ladder: Type.Optional(
    Type.Union([
      Type.String({
        maxLength: 120,
        description:
          'qualities that are encoded while the stream is live: heights with an optional bitrate, `audio` and `fields`, as `360p, 720p:2M, audio`; empty: none',
      }),
      Type.Null(),
    ]),
  ),
  ladderStart: Type.Optional(Type.Union([LadderStart, Type.Null()])),
  recordQualities: Type.Optional(
    Type.Union([Type.Boolean({ description: 'whether the further qualities are recorded too' }), Type.Null()]),
  ),
};

/** The state of the encoder of a ladder. */
const LadderState = Type.Union([
  Type.Literal('off', { description: 'not needed: the stream has no viewer, or is not live' }),
  Type.Literal('starting', { description: 'the encoder is being started' }),
  Type.Literal('waiting', { description: 'for a key frame, or a picture that is larger than its qualities' }),
  Type.Literal('running'),
  Type.Literal('stopped', { description: 'this computer is too slow for every quality; it is tried again' }),
]);

/** Why a segment of a quality has no media. */
const MissingCause = Type.Union([
  Type.Literal('late', { description: 'its pictures came too late: the encoder is too slow' }),
  Type.Literal('damaged', { description: 'pictures were lost, as an encoder failed' }),
  Type.Literal('stopped', { description: 'its encoder had stopped' }),
]);

/** The ladder of a live stream. */
export const LadderView = Type.Object(
  {
    rungs: Type.String({ description: 'as it is set: `360p, 720p:2M, audio`' }),
    start: LadderStart,
    state: LadderState,
    lagMs: Type.Union([Type.Integer(), Type.Null()], {
      description: 'how far the encoder was behind the source: 95 % of the pictures of the last ten seconds, no more',
    }),
    made: Type.Array(
      Type.Object({
        name: Type.String({ description: 'as in the playlists, e.g. `720`' }),
        width: Type.Integer(),
        height: Type.Integer(),
        bitrate: Type.Integer({ description: 'bits per second of the video' }),
        state: Type.Union([
          Type.Literal('starting'),
          Type.Literal('live'),
          Type.Literal('dropped', { description: 'this computer was too slow; it is tried again later' }),
        ]),
        encoder: Type.Union([Type.String(), Type.Null()], {
          description: 'the encoder on a device, e.g. `h264_nvenc nvidia0`; null: software',
        }),
        worker: Type.Union([Type.String(), Type.Null()], {
          description: 'name of the worker on another machine that encodes it; null: this server',
        }),
        missing: Type.Union([MissingCause, Type.Null()], {
          description: 'why its newest segment is missing; null: it is not. Players are not sent to it meanwhile',
        }),
      }),
      { description: 'lowest first; empty while there is no source' },
    ),
    leftOut: Type.Array(Type.Integer(), { description: 'heights that the source does not exceed' }),
    problem: Type.String({ description: 'why qualities are missing, for a person; may be empty' }),
  },
  { $id: 'LadderView' },
);
export type LadderView = Static<typeof LadderView>;

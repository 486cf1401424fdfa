/**
 * Mixers: their JSON, shared with the web interface, and the contract of their API.
 * In: http/routes calls the contract, with valid names. Out: web/, OpenAPI, other people's programs;
 * features/mixer implements it.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

/** Most inputs of a mixer: each has a key from 1 to 9. */
export const MAX_MIXER_INPUTS = 9;

const Name = Type.String({ maxLength: 64, description: 'name of a stream' });
const OptionalName = Type.Union([Name, Type.Null()]);

/** What a mixer is set to. */
export const MixerConfig = Type.Object(
  {
    inputs: Type.Array(Name, {
      minItems: 1,
      maxItems: MAX_MIXER_INPUTS,
      uniqueItems: true,
      description: 'streams of this server, in the order of the keys 1 to 9',
    }),
    sound: Type.Optional(
      Type.Union([Name, Type.Null()], {
        description: 'the input whose sound is always used; null (default): sound follows the picture',
      }),
    ),
    fallback: Type.Optional(
      Type.Union([Name, Type.Null()], {
        description: 'the input that is shown while the chosen one has no media; null (default): none',
      }),
    ),
  },
  { $id: 'MixerConfig', additionalProperties: false },
);
export type MixerConfig = Static<typeof MixerConfig>;

const mixerInputStates = ['live', 'waiting', 'missing'] as const;

export const MixerInputView = Type.Object(
  {
    stream: Name,
    title: Type.String(),
    key: Type.Integer({ description: '1 to 9' }),
    state: Type.Unsafe<(typeof mixerInputStates)[number]>(
      Type.String({
        enum: [...mixerInputStates],
        description: '`waiting`: it has no media; `missing`: the stream does not exist, or shows this mixer',
      }),
    ),
    isSeamless: Type.Boolean({
      description: 'a cut from the input on air to this one needs no new decoder: codecs and their parameters agree',
    }),
    keyFrameS: Type.Union([Type.Number(), Type.Null()], {
      description: 'seconds between its last two key frames: the longest wait for a cut',
    }),
  },
  { $id: 'MixerInputView' },
);
export type MixerInputView = Static<typeof MixerInputView>;

export const MixerView = Type.Object(
  {
    stream: Name,
    inputs: Type.Array(MixerInputView),
    sound: OptionalName,
    fallback: OptionalName,
    chosen: Type.Union([Name, Type.Null()], { description: 'the input of the last cut; the first one before' }),
    onAir: Type.Union([Name, Type.Null()], { description: 'the input whose picture is sent now' }),
    next: Type.Union([Name, Type.Null()], { description: 'the input that is cut to with its next key frame' }),
    cuts: Type.Integer({ description: 'changes of the picture since oxbow started' }),
    discontinuities: Type.Integer({ description: 'of these, changes of codecs or their parameters' }),
    problem: Type.String({ description: 'why it sends nothing; empty while it does' }),
  },
  { $id: 'MixerView' },
);
export type MixerView = Static<typeof MixerView>;

const cutMoments = ['key-frame', 'now'] as const;

export const MixerCut = Type.Object(
  {
    input: Name,
    when: Type.Optional(
      Type.Unsafe<(typeof cutMoments)[number]>(
        Type.String({
          enum: [...cutMoments],
          description:
            '`now` (default) requests a key frame from the input, where its protocol can (WHIP, WHEP, RTSP); `key-frame` waits for the next one',
        }),
      ),
    ),
  },
  { $id: 'MixerCut', additionalProperties: false },
);
export type MixerCut = Static<typeof MixerCut>;

/** Mixers of streams. Each call refuses `stream-unknown`, all but `set` `mixer-unknown`. */
export interface MixersApi {
  /** All mixers of this server, by name. */
  list(): readonly MixerView[];
  get(stream: string): MixerView;
  /**
   * Makes a stream a mixer, or changes one. Refuses `mixer-loop`, `mixer-source`, `bad-request`,
   * `limit-reached`.
   */
  set(stream: string, config: MixerConfig): Promise<MixerView>;
  /** Refuses `mixer-input`, `mixer-input-offline`. @param by name of the user, for the marker */
  cut(stream: string, cut: MixerCut, by: string): Promise<MixerView>;
  remove(stream: string): Promise<void>;
}

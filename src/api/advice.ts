/**
 * The findings about a publisher: their codes and their shape. The interface translates a finding by its code
 * and severity.
 * In: streams/measure/advice writes them. Out: `GET /streams/{name}/stats`, the event `publish.warning`,
 * docs/3-publish/advice.md.
 */
import type { Static } from 'typebox';
import { Type } from './type.ts';

/** Every code, in the order in which findings are listed. A code that was ever released keeps its meaning. */
export const adviceCodes = [
  'video-silent',
  'audio-silent',
  'no-key-frame',
  'key-frame-interval',
  'frame-rate-low',
  'frame-rate-variable',
  'bitrate-high',
  'bitrate-above-announced',
  'bitrate-spiky',
  'size-changes',
  'b-frames',
  'codec-support',
  'pixel-format',
  'interlaced',
  'no-audio',
  'audio-codec',
  'audio-sample-rate',
  'audio-late',
  'av-offset',
  'timestamps-backwards',
  'clock-drift',
  'arrival-pauses',
  'srt-latency',
  'packet-loss',
  'link-loss',
  'link-down',
  'packets-dropped',
  'media-damaged',
] as const;

/** Code of a finding. */
export type AdviceCode = (typeof adviceCodes)[number];

/** One finding about the media of a publisher. */
export const Finding = Type.Object(
  {
    code: Type.Unsafe<AdviceCode>(Type.String({ enum: [...adviceCodes], description: 'see the page Advice' })),
    severity: Type.Union([
      Type.Literal('good', { description: 'as it should be' }),
      Type.Literal('warn', { description: 'viewers may notice it' }),
      Type.Literal('bad', { description: 'viewers notice it, or nothing can be seen' }),
    ]),
    value: Type.Union([Type.Number(), Type.Null()], { description: 'the measured value, in `unit`' }),
    target: Type.Union([Type.Number(), Type.Null()], { description: 'what the value should be or not exceed' }),
    unit: Type.String({ description: '`s`, `ms`, `bit/s`, `fps`, `Hz`, `%`, `x` (a factor), `count`, or empty' }),
    text: Type.String({ description: 'the finding in a sentence' }),
    hint: Type.String({ description: 'what to change; empty if it is good' }),
  },
  { $id: 'Finding' },
);
export type Finding = Static<typeof Finding>;

/**
 * Advice about codecs, and about pictures that browsers do not show as they should.
 * In: figures of a publisher. Out: findings for advice.ts. Pure.
 */

import type { VideoTrack } from '@oxbow/media/frame';
import { deepFormatOf } from '@oxbow/media/h264/deep-format';
import type { AdviceCode } from '../../api/advice.ts';
import { type SourceAudio, sourceAudioOf } from '../../ffmpeg/audio-transcoder-options.ts';
import { isConverted } from '../../transcode/audio/plan.ts';
import { convertedCodecOf } from '../../transcode/video/plan.ts';
import { good, type Judgement, type Rule } from './advice-rule.ts';

/** Audio that is not AAC: its name, and where it plays. */
const AUDIO_CODECS: Readonly<Record<SourceAudio, { readonly name: string; readonly where: string }>> = {
  mp1: { name: 'MPEG audio Layer I', where: 'No browser plays it.' },
  mp2: { name: 'MP2', where: 'No browser plays it.' },
  mp3: { name: 'MP3', where: 'Nearly every browser plays it.' },
  ac3: { name: 'AC-3', where: 'Among browsers, only Safari plays it.' },
  eac3: { name: 'E-AC-3', where: 'Among browsers, only Safari plays it.' },
  pcmu: { name: 'G.711', where: 'No browser plays it.' },
  pcma: { name: 'G.711', where: 'No browser plays it.' },
};

/** What a ladder makes of the picture, or what to change without one. */
function besideLadder(
  text: string,
  { hasLadder, made, change }: Readonly<Record<'made' | 'change', string>> & { readonly hasLadder: boolean },
): Judgement {
  if (hasLadder) return good(null, null, `${text} ${made}`);
  return {
    severity: 'warn',
    value: null,
    target: null,
    text,
    hint: `${change}, or set further qualities for the stream (ladder).`,
  };
}

/** Where video does not play, by codec. */
const NOT_EVERYWHERE: Readonly<Partial<Record<VideoTrack['config']['codec'], string>>> = {
  hevc: 'The video is HEVC. It does not play in Firefox on Linux, and elsewhere only with hardware support.',
  av1: 'The video is AV1. It does not play on older iPhones, iPads and Macs.',
  vp9: 'The video is VP9. It does not play on older iPhones and iPads.',
};

export const codecRules = {
  'codec-support': {
    unit: '',
    judge({ video, conversion: { videoProblem } }) {
      if (!video) return undefined;
      const from = convertedCodecOf(video.config);
      if (from !== undefined) {
        const converted = from === 'vp8' ? 'VP8' : 'MPEG-2';
        if (videoProblem === '') return good(null, null, `The video is ${converted}, converted to H.264.`);
        const text = `The video is ${converted}, and its conversion to H.264 fails: ${videoProblem}.`;
        return { severity: 'bad', value: null, target: null, text, hint: 'Send H.264, which needs no conversion.' };
      }
      const text = NOT_EVERYWHERE[video.config.codec];
      if (text === undefined)
        return deepFormatOf(video.config) ? undefined : good(null, null, 'H.264 plays in every browser.');
      return {
        severity: 'warn',
        value: null,
        target: null,
        text,
        hint: 'Send H.264 if every viewer must be able to watch.',
      };
    },
  },
  'pixel-format': {
    unit: '',
    judge({ video, conversion: { hasLadder } }) {
      const format = video && deepFormatOf(video.config);
      if (!format) return undefined;
      return besideLadder(`The video is H.264 ${format}. Safari, phones and most hardware do not decode it.`, {
        hasLadder,
        made: 'The ladder has a quality of its size with 8 bits in 4:2:0.',
        change: 'Set the encoder to 8 bits in 4:2:0 (profile High, pixel format yuv420p or NV12)',
      });
    },
  },
  interlaced: {
    unit: '',
    judge({ video, conversion: { hasLadder } }) {
      if (!video?.isInterlaced) return undefined;
      const text = 'The video is interlaced. Browsers show combs where something moves.';
      const change = 'Let the encoder deinterlace, or send a progressive signal';
      // FFmpeg returns the fields of HEVC as pictures of half the height, which a ladder cannot join.
      if (video.config.codec !== 'h264')
        return {
          severity: 'warn',
          value: null,
          target: null,
          text,
          hint: `${change}: a ladder deinterlaces only H.264.`,
        };
      const made = 'The ladder has a quality of its size that is deinterlaced.';
      return besideLadder(text, { hasLadder, made, change });
    },
  },
  'audio-codec': {
    unit: '',
    judge({ audio, conversion }) {
      const codec = audio && (audio.config.convertedFrom ?? sourceAudioOf(audio.config));
      if (!audio || !codec) return undefined;
      const { name, where } = AUDIO_CODECS[codec as SourceAudio];
      const text = `The audio is ${name}`;
      const isOurs = audio.config.convertedFrom !== undefined || isConverted(audio.config, conversion.mode);
      if (isOurs && conversion.problem === '') return good(null, null, `${text}, converted to AAC.`);
      const problem = isOurs ? `, and its conversion to AAC fails: ${conversion.problem}` : `. ${where}`;
      if (!isOurs && codec === 'mp3') return good(null, null, `${text}${problem}`);
      return {
        severity: isOurs ? 'bad' : 'warn',
        value: null,
        target: null,
        text: isOurs ? `${text}${problem}.` : `${text}${problem}`,
        hint: isOurs
          ? 'Set the audio codec of the encoder to AAC.'
          : 'Set the audio codec of the encoder to AAC, or `audio` of the stream to `aac`.',
      };
    },
  },
} as const satisfies Partial<Record<AdviceCode, Rule>>;

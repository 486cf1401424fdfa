/**
 * Chooses the renditions of a ladder.
 * In: facts of a source, settings. Out: a plan that workers encode. Pure.
 */

import { FULL } from '@oxbow/media/rendition-set';
import type {
  LadderAudioRendition,
  LadderPicture,
  LadderVideoCodec,
  LadderVideoRendition,
} from '../../ffmpeg/ladder-options.ts';
import { OxbowError } from '../../lib/errors.ts';
import type {
  LadderAudioPlan,
  LadderPlan,
  LadderSettings,
  LadderSource,
  LadderSourceAudio,
  LadderSourceVideo,
} from './plan-shapes.ts';

/** Bits per second of H.264 at up to 30 fps, by rung. */
const RATES: readonly (readonly [rung: number, bitsPerSecond: number])[] = [
  [144, 150_000],
  [240, 250_000],
  [360, 400_000],
  [480, 1_200_000],
  [720, 2_800_000],
  [1080, 5_000_000],
  [1440, 9_000_000],
  [2160, 16_000_000],
  [4320, 45_000_000],
];
/** Of the bits of H.264, at a similar quality. */
const SHARE: Readonly<Record<LadderVideoCodec, number>> = { h264: 1, vp9: 0.7, hevc: 0.65, av1: 0.55 };
/** Constant quality on the scale of each encoder. */
export const CRF: Readonly<Record<LadderVideoCodec, number>> = { h264: 22, hevc: 24, vp9: 32, av1: 32 };
export const TRACKS_FROM = 101;
const AUDIO_TRACKS_FROM = 121;
const MAX_AUDIO_TRACKS = 8;
const AUDIO_BIT_RATE = 128_000;
const MAX_FRAME_RATE = 60;
/** Sources are seldom exactly at their rate. */
const RATE_TOLERANCE = 1.02;
/** Highest bit rate of a rung whose average is set. */
export const PEAK = 1.5;
const LOW_RUNG = 360;
/** A source that plays as it is replaces its own rung up to this multiple of the rung's bit rate. */
export const SOURCE_BITS = 1.5;
const SMALLEST = 16;

/** Default values, for callers without settings. */
export const ladderDefaults: LadderSettings = {
  preset: 'h264',
  rungs: [360, 480, 720, 1080, 1440, 2160],
  effort: 'fast',
  halveLowRungs: false,
  loudness: undefined,
};

/** The plan where nothing is to be encoded. */
export const noLadder: LadderPlan = {
  video: undefined,
  audio: [],
  loudness: undefined,
  notes: ['Encoding is turned off (`library.ladder.encode`).'],
};

/**
 * The ladder of a source: never larger than it, even sizes with its display aspect, at most 60 pictures a
 * second.
 *
 * @throws OxbowError `unsupported-media` if its colours cannot be converted (Dolby Vision profile 5), or it
 *   has neither video nor audio
 */
export function planLadder(source: LadderSource, settings: LadderSettings = ladderDefaults): LadderPlan {
  const notes: string[] = [];
  if (!source.video && source.audio.length === 0) {
    throw new OxbowError('unsupported-media', 'The file has neither a picture nor sound.');
  }
  const video = source.video && planVideo(source.video, settings, notes);
  const audio = planAudio(source.audio, settings, notes);
  return { video, audio, loudness: settings.loudness, notes };
}

function planVideo(source: LadderSourceVideo, settings: LadderSettings, notes: string[]): LadderPlan['video'] {
  const fields = isDeinterlaced(source) && settings.fields === true;
  const video = fields ? { ...source, frameRate: 2 * source.frameRate } : source;
  const picture = { ...pictureOf(video, notes), ...(fields && { fields }) };
  // Browsers show combs in the source: a rung of its size takes its place.
  const isReplaced = picture.interlaced && source.codec === 'h264';
  const display = displaySize(video);
  const shortSide = Math.min(display.width, display.height);
  const rate = frameRateOf(video, notes);
  const sourceRung = evenOf(shortSide);
  const rungs = rungsOf(shortSide, isReplaced ? [...settings.rungs, sourceRung] : settings.rungs);
  const codecs: LadderVideoCodec[] = settings.preset === 'h264' ? ['h264'] : ['h264', settings.preset];
  const renditions: LadderVideoRendition[] = [];
  const sizes: LadderVideoRendition[] = [];
  let isSourceLargest = false;
  for (const codec of codecs) {
    for (const rung of rungs) {
      const size = rung === shortSide ? evenSize(display) : scaled(display, rung);
      const halves = settings.halveLowRungs && rung <= LOW_RUNG && rate.kept > 30 * RATE_TOLERANCE;
      const keepEvery = rate.keepEvery * (halves ? 2 : 1);
      const full = isReplaced && rung === sourceRung ? FULL : '';
      const name = codec === 'h264' ? `${rung}${full}` : `${rung}-${codec}`;
      const rungRate = bitsOf(rung, video.frameRate / keepEvery, codec);
      const twoPass = settings.passes === 2 && codec === 'h264';
      const maxRate = twoPass ? Math.round(rungRate * PEAK) : rungRate;
      const rendition: LadderVideoRendition = {
        id: `v0-${name}`,
        trackId: TRACKS_FROM + renditions.length,
        rung: name,
        codec,
        ...size,
        frameRate: rationalRate((video.frameRate || 25) / keepEvery),
        keepEvery,
        crf: CRF[codec],
        ...(twoPass && { bitRate: rungRate, twoPass }),
        maxRate,
        bufferSize: rungRate * 2,
        bFrames: 3,
        effort: settings.effort,
      };
      if (codec === 'h264') sizes.push(rendition);
      const couldBeSource = codec === 'h264' && playsAs(video, picture, rung, shortSide);
      isSourceLargest ||= couldBeSource;
      if (couldBeSource && video.bitRate! <= rungRate * SOURCE_BITS) notes.push(`${rung}p is the source itself.`);
      else renditions.push(rendition);
    }
  }
  // Two passes have the average of the table; pictures of interlaced video differ from those of its source.
  const isMeasured = settings.plan === 'measured' && settings.passes !== 2 && !picture.interlaced;
  const measure = { sizes, codecs, ...(isSourceLargest && { sourceBits: video.bitRate! }) };
  return { stream: video.stream, picture, renditions, ...(isMeasured && { measure }) };
}

/** FFmpeg returns each field of HEVC as a picture of half the height. */
function isDeinterlaced({ codec, interlaced }: LadderSourceVideo): boolean {
  return interlaced === true && codec !== 'hevc';
}

function pictureOf(video: LadderSourceVideo, notes: string[]): LadderPicture {
  const { dolbyVision, transfer, rotation = 0, matrix } = video;
  const interlaced = isDeinterlaced(video);
  if (dolbyVision?.profile === 5) {
    throw new OxbowError(
      'unsupported-media',
      'Dolby Vision profile 5 cannot be converted: only Dolby Vision players can display it.',
      {
        extra: { hint: 'Export the video as HDR10, HLG, SDR or Dolby Vision profile 8, and upload that.' },
      },
    );
  }
  const toneMap = transfer === 'smpte2084' ? 'pq' : transfer === 'arib-std-b67' ? 'hlg' : undefined;
  if (toneMap) notes.push(`${toneMap === 'pq' ? 'HDR10' : 'HLG'} is tone mapped to SDR.`);
  if (rotation !== 0) notes.push(`The picture is rotated by ${rotation} degrees.`);
  if (interlaced) notes.push('Interlaced video is deinterlaced.');
  else if (video.interlaced)
    notes.push('Interlaced HEVC is left as it is: its fields are pictures, which nothing puts together.');
  const is601 = matrix ? /^(smpte170m|bt470bg|fcc)$/.test(matrix) : Math.min(video.width, video.height) < 720;
  return { rotation, interlaced, matrix: is601 && !toneMap ? 'bt601' : 'bt709', ...(toneMap && { toneMap }) };
}

/** With square samples, as it is seen. */
function displaySize({ width, height, rotation = 0, sampleAspect }: LadderSourceVideo): {
  width: number;
  height: number;
} {
  const aspect = sampleAspect && sampleAspect.num > 0 && sampleAspect.den > 0 ? sampleAspect.num / sampleAspect.den : 1;
  const size = { width: width * aspect, height };
  return rotation % 180 === 0 ? size : { width: size.height, height: size.width };
}

function evenSize({ width, height }: { width: number; height: number }): { width: number; height: number } {
  return { width: evenOf(width), height: evenOf(height) };
}

function scaled({ width, height }: { width: number; height: number }, rung: number): { width: number; height: number } {
  const even = (value: number) => Math.max(SMALLEST, 2 * Math.round(value / 2));
  const factor = rung / Math.min(width, height);
  return width >= height
    ? { width: even(width * factor), height: even(rung) }
    : { width: even(rung), height: even(height * factor) };
}

/** Never larger than the source; a source below all rungs gets one of the size of the source. */
function rungsOf(shortSide: number, rungs: readonly number[]): number[] {
  const possible = [...new Set(rungs)].filter((rung) => rung <= shortSide).sort((a, b) => b - a);
  return possible.length > 0 ? possible : [evenOf(shortSide)];
}

function evenOf(side: number): number {
  return Math.max(SMALLEST, 2 * Math.floor(side / 2 + 1e-6));
}

function frameRateOf({ frameRate }: LadderSourceVideo, notes: string[]): { keepEvery: number; kept: number } {
  const keepEvery = Math.max(1, Math.ceil(frameRate / (MAX_FRAME_RATE * RATE_TOLERANCE)));
  if (keepEvery > 1)
    notes.push(
      `Every ${keepEvery === 2 ? 'second' : `${keepEvery}th`} picture is kept: ${MAX_FRAME_RATE} per second at most.`,
    );
  return { keepEvery, kept: frameRate / keepEvery };
}

function bitsOf(rung: number, frameRate: number, codec: LadderVideoCodec): number {
  const above = RATES.findIndex(([rate]) => rate >= rung);
  const [upper, upperBits] = RATES[above < 0 ? RATES.length - 1 : above]!;
  const [lower, lowerBits] = RATES[Math.max(0, (above < 0 ? RATES.length : above) - 1)]!;
  const share = upper === lower ? 1 : (rung - lower) / (upper - lower);
  const bits = lowerBits * (upperBits / lowerBits) ** Math.max(0, share);
  const fast = frameRate > 30 * RATE_TOLERANCE ? 1.5 : 1;
  return Math.round((bits * fast * SHARE[codec]) / 1000) * 1000;
}

/** Whether the source plays as a rung of its size. */
function playsAs(video: LadderSourceVideo, picture: LadderPicture, rung: number, shortSide: number): boolean {
  const { codec, passesThrough = false, bitRate = 0 } = video;
  const isPlain = picture.rotation === 0 && !picture.toneMap && !picture.interlaced && codec === 'h264';
  return passesThrough && isPlain && rung === shortSide && bitRate > 0;
}

/** The exact rate of television where the rate is near one. */
function rationalRate(rate: number): { num: number; den: number } {
  for (const whole of [24, 25, 30, 48, 50, 60, 12, 15]) {
    if (Math.abs(rate - whole) < whole * 0.0004) return { num: whole, den: 1 };
    if (whole % 10 !== 5 && Math.abs(rate - whole / 1.001) < whole * 0.0004) return { num: whole * 1000, den: 1001 };
  }
  return { num: Math.max(1, Math.round(rate * 1000)), den: 1000 };
}

function planAudio(tracks: readonly LadderSourceAudio[], settings: LadderSettings, notes: string[]): LadderAudioPlan[] {
  if (tracks.length === 0) notes.push('There is no sound.');
  if (tracks.length > MAX_AUDIO_TRACKS) notes.push(`Only the first ${MAX_AUDIO_TRACKS} audio tracks are encoded.`);
  const hasOpus = settings.preset === 'vp9' || settings.preset === 'av1';
  let trackId = AUDIO_TRACKS_FROM;
  return tracks.slice(0, MAX_AUDIO_TRACKS).flatMap((track, index) => {
    const { channels, language = 'und', label = '' } = track;
    const renditions: LadderAudioRendition[] = [];
    const of = (codec: 'aac' | 'opus'): LadderAudioRendition => ({
      id: `a${index}${codec === 'opus' ? '-opus' : ''}`,
      trackId: trackId++,
      codec,
      channels: 2,
      sampleRate: codec === 'aac' && track.sampleRate === 44_100 ? 44_100 : 48_000,
      bitRate: AUDIO_BIT_RATE,
      language,
      label,
    });
    if (settings.loudness === undefined && track.passesThrough && track.codec === 'aac' && channels <= 2) {
      notes.push(`Audio track ${index + 1} is the source's own AAC.`);
    } else renditions.push(of('aac'));
    if (hasOpus) renditions.push(of('opus'));
    if (channels > 2)
      notes.push(
        `Audio track ${index + 1} is mixed down to stereo${track.passesThrough ? '; its own channels are kept in the source' : ''}.`,
      );
    return renditions.length > 0 ? [{ stream: track.stream, renditions }] : [];
  });
}

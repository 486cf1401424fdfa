/**
 * Which video of a publisher is converted to H.264, and how: one rendition of the same size, for live.
 * In: tracks. Out: the output of the encoder, and its tracks. Pure.
 */

import type { Track, VideoTrack } from '@oxbow/media/frame';
import { mpeg2DisplaySize } from '@oxbow/media/mpeg2/sequence';
import type { LadderVideoRendition } from '../../ffmpeg/ladder-options.ts';
import type { LiveLadderOptions } from '../../ffmpeg/live-ladder-options.ts';

/**
 * Cap of the bitrate, bits per second: 4 Mbit/s at 720p, 8 Mbit/s at 1080p, in proportion to the pixels but a
 * little less.
 */
const BITRATE = { at720p: 4_000_000, least: 500_000, most: 12_000_000, exponent: 0.855 };
const PIXELS_OF_720P = 1280 * 720;
/**
 * The cap is per picture at this rate where the source names none: it is not known before it has been
 * measured.
 */
const FRAME_RATE = 30;
/**
 * Constant quality of x264 below the cap: a little more than that of a ladder, because others are encoded
 * from this one.
 */
const CRF = 21;
/** Size of the buffer whose level the encoder keeps, in seconds of the bitrate. */
const BUFFER_S = 0.5;
const MAX_THREADS = 4;

const CONVERTED: ReadonlySet<VideoTrack['config']['codec']> = new Set(['vp8', 'mpeg2']);
/** From here on colours are those of HDTV, where the pictures say nothing. */
const HD_HEIGHT = 720;

/** Whether video has no form in a stream, or none that browsers play, and is converted. */
export function isConvertedVideo(track: Track): track is VideoTrack {
  return track.kind === 'video' && CONVERTED.has(track.config.codec);
}

/** The codec that video has, or had, before it is converted to H.264; undefined: it is not converted. */
export function convertedCodecOf({ codec, convertedFrom }: VideoTrack['config']): string | undefined {
  return convertedFrom ?? (CONVERTED.has(codec) ? codec : undefined);
}

/** How a track is encoded. @param parallelism processors of the machine */
export function planVideo({ id, config }: VideoTrack, parallelism: number): LiveLadderOptions {
  const { width, height } = config.codec === 'mpeg2' ? mpeg2DisplaySize(config) : config;
  const bitrate = bitrateOf(width * height);
  const rate = config.frameRate ?? FRAME_RATE;
  const rendition: LadderVideoRendition = {
    id: 'converted',
    trackId: id,
    rung: '',
    codec: 'h264',
    width: even(width),
    height: even(height),
    frameRate: { num: Math.round(rate * 1000), den: 1000 },
    keepEvery: 1,
    crf: CRF,
    maxRate: bitrate,
    bufferSize: Math.round(bitrate * BUFFER_S),
    bFrames: 0,
    effort: 'fast',
    isLive: true,
  };
  return {
    // VP8 has the colours of BT.601 in every size (RFC 6386 9.2). Pictures of MPEG-2 say whether they are
    // interlaced.
    picture: {
      rotation: 0,
      interlaced: false,
      matrix: config.codec === 'mpeg2' && height >= HD_HEIGHT ? 'bt709' : 'bt601',
    },
    // RTP has no times before 0.
    renditions: [rendition],
    origin: 0,
    threads: Math.min(MAX_THREADS, parallelism),
    isSource: true,
  };
}

/** The track that a conversion results in: same id and language. @param made as the encoder reports it */
export function convertedVideo(source: VideoTrack, made: VideoTrack): VideoTrack {
  // The rate that the encoder was given is not that of the source.
  const { frameRate: _, ...config } = made.config;
  return { ...source, timescale: made.timescale, config: { ...config, convertedFrom: source.config.codec } };
}

/** The tracks of the stream: the converted one, and all others that need no conversion. */
export function tracksWith(tracks: readonly Track[], converted: VideoTrack): readonly Track[] {
  return tracks.flatMap((track) => {
    if (track.id === converted.id) return converted;
    return isConvertedVideo(track) ? [] : track;
  });
}

function bitrateOf(pixels: number): number {
  const { at720p, least, most, exponent } = BITRATE;
  const bitrate = at720p * (pixels / PIXELS_OF_720P) ** exponent;
  return Math.round(Math.min(most, Math.max(least, bitrate)));
}

function even(side: number): number {
  return Math.max(2, 2 * Math.floor(side / 2));
}

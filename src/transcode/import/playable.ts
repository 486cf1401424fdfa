/**
 * Whether browsers play the tracks of an original as they are.
 * In: tracks and what FFmpeg says of them. Out: yes or no. Pure.
 */

import type { Track } from '@oxbow/media/frame';
import type { DemuxStream } from '../../ffmpeg/demux.ts';

/** Pixel formats that browsers decode, by codec; HEVC depends on the machine. */
const FORMATS: Readonly<Record<string, readonly string[]>> = {
  h264: ['yuv420p', 'yuvj420p'],
  vp9: ['yuv420p', 'yuv420p10le'],
  av1: ['yuv420p', 'yuv420p10le'],
};
/** Codecs of sound that all browsers play. */
const SOUND: ReadonlySet<string> = new Set(['aac', 'mp3', 'opus', 'flac']);

/** The part of a rendition that browsers play. */
interface Playable {
  readonly picture: boolean;
  readonly sound: boolean;
  /** All of it; a kind that the original does not have counts as played. */
  readonly playable: boolean;
}

/** Whether every browser plays the sound of a codec. */
export const isPlayableSound = (codec: string): boolean => SOUND.has(codec);

/**
 * Whether every browser decodes pictures of a codec in a pixel format of FFmpeg; one that is not known is
 * not.
 */
export const isPlayablePicture = (codec: string, format: string): boolean => FORMATS[codec]?.includes(format) ?? false;

/** Whether every browser plays the picture, and the first sound of a file. */
export function playableOf(tracks: readonly Track[], streams: readonly DemuxStream[]): Playable {
  const video = tracks.find(({ kind }) => kind === 'video');
  const audio = tracks.find(({ kind }) => kind === 'audio');
  const shown = streams.find(({ kind, isAttachment }) => kind === 'video' && !isAttachment);
  const picture = video !== undefined && isPlayablePicture(video.config.codec, shown?.format ?? '');
  const sound = audio !== undefined && isPlayableSound(audio.config.codec);
  const hasSound = streams.some(({ kind }) => kind === 'audio');
  return { picture, sound, playable: (picture || !shown) && (sound || !hasSound) };
}

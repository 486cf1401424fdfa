/**
 * Which audio tracks of a publisher are converted to AAC, and the tracks that come of it.
 * In: tracks, the option `source.audio`. Out: the conversion of the engine, and the tracks of the stream.
 * Pure.
 */

import type { AudioConfig, Track } from '@oxbow/media/frame';
import { isG711 } from '@oxbow/media/g711';
import type { AudioMode } from '../../config/schema.ts';
import { type AudioTranscodeTrack, audioTranscodeOf, convertedTrack } from '../../ffmpeg/audio-transcoder-options.ts';

/** The converted tracks of a set of tracks. */
export interface ConversionPlan {
  /** The tracks that are converted; may be empty. */
  readonly converts: readonly AudioTranscodeTrack[];
  /** All tracks, the converted ones as AAC. */
  readonly tracks: readonly Track[];
}

/**
 * Whether audio is converted: G.711 always, by default also codecs that no browser plays, MPEG audio of Layer
 * I and II.
 */
export function isConverted(config: AudioConfig, mode: AudioMode): boolean {
  if (isG711(config.codec)) return true;
  if (mode === 'auto') return config.layer !== undefined;
  return mode === 'aac' && config.codec !== 'aac';
}

/** Plans the conversion of a set of tracks. Audio that cannot be converted stays as it is. */
export function planConversion(tracks: readonly Track[], mode: AudioMode): ConversionPlan {
  const converts: AudioTranscodeTrack[] = [];
  const results = tracks.map((track) => {
    if (track.kind !== 'audio' || !isConverted(track.config, mode)) return track;
    const convert = audioTranscodeOf(track);
    if (!convert) return track;
    converts.push(convert);
    return convertedTrack(track, convert);
  });
  return { converts, tracks: converts.length > 0 ? results : tracks };
}

/**
 * How RTMP carries the codecs of tracks.
 * In: tracks. Out: four-character codes. Pure. Enhanced RTMP v2.
 */

import type { Track } from '../frame.ts';
import type { LeftOutTrack } from '../left-out.ts';
import { FOUR_CC, fourCcText } from './message.ts';

export const VIDEO_CODECS = {
  h264: FOUR_CC.avc1,
  hevc: FOUR_CC.hvc1,
  av1: FOUR_CC.av01,
  vp9: FOUR_CC.vp09,
  // Converted before the stream.
  vp8: 0,
  mpeg2: 0,
} as const;
export const AUDIO_CODECS = {
  aac: FOUR_CC.mp4a,
  mp3: FOUR_CC.mp3,
  opus: FOUR_CC.opus,
  ac3: FOUR_CC.ac3,
  eac3: FOUR_CC.eac3,
  flac: FOUR_CC.flac,
  // Converted before the stream.
  pcmu: 0,
  pcma: 0,
} as const;
/** Codecs of messages that every RTMP server knows. */
const LEGACY: ReadonlySet<string> = new Set(['h264', 'aac', 'mp3']);

/** Whether legacy messages carry the track. */
export function isLegacy({ kind, config }: Track): boolean {
  return (kind === 'video' || kind === 'audio') && LEGACY.has(config.codec);
}

/** The four-character code of a track that only enhanced messages carry; undefined for all others. */
export function enhancedCodecOf(track: Track): string | undefined {
  if (isLegacy(track)) return undefined;
  if (track.kind === 'video') return fourCcText(VIDEO_CODECS[track.config.codec]);
  return track.kind === 'audio' ? fourCcText(AUDIO_CODECS[track.config.codec]) : undefined;
}

/** The name of a track that a target does not get, e.g. `opus audio`. */
export function trackName({ kind, config }: Track): LeftOutTrack {
  const leftOutKind = kind === 'video' || kind === 'audio' || kind === 'text' ? kind : 'unknown';
  return { kind: leftOutKind, name: `${config.codec} ${kind === 'text' ? 'subtitles' : kind}` };
}

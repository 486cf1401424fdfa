/**
 * Forms of one AAC configuration: encoders and containers say the same with different AudioSpecificConfigs.
 * In: a track. Out: the track with the form that all of them share, for comparisons. Pure. ISO/IEC 14496-3,
 * 1.6.5.
 */
import type { Track } from '../frame.ts';
import { type AacConfig, aacChannels, parseAacConfig, printAacConfig } from './config.ts';

/**
 * SBR doubles the rate of the core coder, and the HE-AAC profile ends at an output of 48 kHz where players
 * decode it (1.5.2.3), Hz.
 */
const HIGHEST_SBR_CORE = 24_000;

/**
 * The track with the configuration that an ADTS header could state, if decoders do the same with it. FLV says
 * behind the configuration that there is no SBR, which MPEG-TS cannot say; HE-AAC is declared in FLV, and
 * decoders find it in the frames of MPEG-TS.
 */
export function withoutAacSignalling(track: Track): Track {
  if (track.kind !== 'audio' || track.config.codec !== 'aac') return track;
  const core = parseAacConfig(track.config.record);
  if (!isImplied(core)) return track;
  const { objectType, sampleRate, channels } = core;
  const codecs = `mp4a.40.${objectType}`;
  return { ...track, config: { codec: 'aac', record: printAacConfig(core), codecs, sampleRate, channels } };
}

/** Whether decoders find out by themselves what the record says beyond the fields of an ADTS header. */
function isImplied(config: AacConfig): boolean {
  const { objectType, sampleRate, channelConfiguration, samplesPerFrame, sbrRate, deniesSbr } = config;
  if (objectType > 4 || samplesPerFrame !== 1024 || aacChannels(channelConfiguration) === undefined) return false;
  if (sampleRate > HIGHEST_SBR_CORE) return sbrRate === undefined;
  return !deniesSbr && (sbrRate === undefined || sbrRate === 2 * sampleRate);
}

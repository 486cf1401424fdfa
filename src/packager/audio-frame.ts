/**
 * Duration of an audio codec's frames, and a silent frame of it.
 * In: a track's configuration. Out: seconds, and the bytes of a silent frame. Pure. ISO/IEC 14496-3, 1.6.2.1;
 * ISO/IEC 11172-3, 2.4.2.1; ETSI TS 102 366, 4.1 (six blocks of 256); RFC 6716, 2.1.4; RFC 9639, 8.2.
 */

import { parseAacConfig } from '@oxbow/media/aac/config';
import { silentFrame } from '@oxbow/media/aac/silence';
import { FormatError } from '@oxbow/media/errors';
import { silentFlacFrame } from '@oxbow/media/flac/silence';
import { parseDfLa } from '@oxbow/media/flac/stream-info';
import type { AudioConfig, Track } from '@oxbow/media/frame';
import { silentMp3Frame } from '@oxbow/media/mp3/silence';
import { silentOpusPacket } from '@oxbow/media/opus/silence';
import { OxbowError } from '../lib/errors.ts';

/** Samples of an AAC frame where the configuration cannot be parsed. */
const USUAL_SAMPLES = 1024;
const AC3_SAMPLES = 1536;
const MPEG1_LAYER3_SAMPLES = 1152;
/** MPEG-2: sample rates below 32 kHz. */
const MPEG2_LAYER3_SAMPLES = 576;
const MIN_MPEG1_RATE = 32_000;
/** Each packet has its own duration; nearly all have 20 ms. */
const USUAL_OPUS_S = 0.02;
/** Of an RTP packet, RFC 3551 4.2. */
const USUAL_G711_S = 0.02;
/** Samples of a FLAC frame where the configuration cannot be parsed. */
const USUAL_FLAC_SAMPLES = 4096;

/**
 * Seconds of one frame; for E-AC-3 and Opus, whose frames vary, the usual value, for FLAC the longest. With
 * SBR, `sampleRate` is the output rate, not the rate in which AAC frames count.
 */
export function audioFrameS(config: AudioConfig): number {
  const { codec, sampleRate } = config;
  switch (codec) {
    case 'aac':
      return aacFrameS(config);
    case 'mp3':
      return (sampleRate < MIN_MPEG1_RATE ? MPEG2_LAYER3_SAMPLES : MPEG1_LAYER3_SAMPLES) / sampleRate;
    case 'ac3':
    case 'eac3':
      return AC3_SAMPLES / sampleRate;
    case 'opus':
      return USUAL_OPUS_S;
    case 'flac':
      return flacFrameS(config);
    case 'pcmu':
    case 'pcma':
      return USUAL_G711_S;
  }
}

function flacFrameS(config: AudioConfig): number {
  try {
    return parseDfLa(config.record).mostBlock / config.sampleRate;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return USUAL_FLAC_SAMPLES / config.sampleRate;
  }
}

function aacFrameS(config: AudioConfig): number {
  try {
    const { samplesPerFrame, sampleRate } = parseAacConfig(config.record);
    return samplesPerFrame / sampleRate;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return USUAL_SAMPLES / config.sampleRate;
  }
}

/** Seconds of the longest audio frame of `tracks`, 0 without audio. */
export function longestAudioFrameS(tracks: readonly Track[]): number {
  return Math.max(0, ...tracks.map((track) => (track.kind === 'audio' ? audioFrameS(track.config) : 0)));
}

/** A silent frame with the duration of `audioFrameS`; undefined if oxbow has none for the configuration. */
export function silenceFor(config: AudioConfig): Uint8Array | undefined {
  try {
    switch (config.codec) {
      case 'aac':
        return silentFrame(config);
      case 'mp3':
        return silentMp3Frame(config);
      case 'opus':
        return silentOpusPacket(config);
      case 'flac':
        return silentFlacFrame(config);
      default: // AC-3 frames carry checksums and bit allocation: the hole remains
        return undefined;
    }
  } catch (error) {
    if (!(error instanceof FormatError || error instanceof OxbowError)) throw error;
    return undefined;
  }
}

/**
 * Which audio can be converted to AAC or Opus, and the configuration of the result: known before the first
 * frame.
 * In: the configuration of a track. Out: the configuration of the result; constants that both processes
 * share. Pure.
 */
import { AAC_SAMPLE_RATES, printAacConfig } from '@oxbow/media/aac/config';
import type { AudioConfig, AudioTrack } from '@oxbow/media/frame';
import { type G711Law, isG711 } from '@oxbow/media/g711';
import { opusConfig } from '@oxbow/media/opus/config';
import { OPUS_RATE } from '@oxbow/media/opus/packet';

export const AAC_FRAME_SAMPLES = 1024;
/** AAC-LC (ISO/IEC 14496-3, table 1.17). */
const AAC_LC = 2;
/** Bits per second at 32 kHz and above, by the number of channels; lower rates get proportionally less. */
const BIT_RATES = [0, 96_000, 160_000] as const;
const FULL_RATE = 32_000;
/** Of Opus, bits per second, by the number of channels. */
const OPUS_BIT_RATES = [0, 64_000, 112_000] as const;
/** Stereo is what every player and device can play; more channels are mixed down. */
const MOST_CHANNELS = 2;

/** Codecs that can be converted to AAC. */
export type SourceAudio = 'mp1' | 'mp2' | 'mp3' | 'ac3' | 'eac3' | G711Law;

/** One track that is converted to AAC. */
export interface AudioTranscodeTrack {
  readonly id: number;
  readonly codec: SourceAudio;
  /** Ticks per second of its frames. */
  readonly timescale: number;
  /** Hz; also the timescale of its AAC. */
  readonly sampleRate: number;
  readonly sourceChannels: number;
  /** Of the AAC, 1 or 2. */
  readonly channels: 1 | 2;
  /** Of the AAC, bits per second. */
  readonly bitRate: number;
}

/** Codecs that can be converted to Opus; Opus itself where it has more than two channels. */
export type OpusSourceAudio = Exclude<SourceAudio | AudioConfig['codec'], G711Law>;

/** One track that is converted to Opus, at 48 kHz. */
export interface OpusTranscodeTrack {
  readonly output: 'opus';
  readonly id: number;
  readonly codec: OpusSourceAudio;
  /** Configuration of the source as `AudioConfig.record`, Base64. */
  readonly record: string;
  /** Ticks per second of its frames. */
  readonly timescale: number;
  /** Of the Opus, 1 or 2. */
  readonly channels: 1 | 2;
  /** Of the Opus, bits per second. */
  readonly bitRate: number;
}

/** One track that is converted. */
export type TranscodeTrack = AudioTranscodeTrack | OpusTranscodeTrack;

/**
 * The name of a codec that can be converted to AAC, or undefined: AAC needs no conversion, Opus and FLAC play
 * everywhere.
 */
export function sourceAudioOf({ codec, layer }: AudioConfig): SourceAudio | undefined {
  if (codec === 'mp3') return layer === undefined ? 'mp3' : `mp${layer}`;
  return codec === 'ac3' || codec === 'eac3' || isG711(codec) ? codec : undefined;
}

/** The converter of a track; undefined if it cannot be converted. */
export function audioTranscodeOf({ id, timescale, config }: AudioTrack): AudioTranscodeTrack | undefined {
  const codec = sourceAudioOf(config);
  const { sampleRate } = config;
  if (!codec || !(AAC_SAMPLE_RATES as readonly number[]).includes(sampleRate)) return undefined;
  const channels = config.channels === 1 ? 1 : MOST_CHANNELS;
  const bitRate = Math.round(BIT_RATES[channels] * Math.min(1, sampleRate / FULL_RATE));
  return { id, codec, timescale, sampleRate, sourceChannels: config.channels, channels, bitRate };
}

/** The AAC track that a conversion results in: same id and language, ticks of the sample rate. */
export function convertedTrack(track: AudioTrack, { codec, sampleRate, channels }: AudioTranscodeTrack): AudioTrack {
  const record = printAacConfig({ objectType: AAC_LC, sampleRate, channelConfiguration: channels });
  const config: AudioConfig = {
    codec: 'aac',
    record,
    codecs: `mp4a.40.${AAC_LC}`,
    sampleRate,
    channels,
    convertedFrom: codec,
  };
  return { ...track, timescale: sampleRate, config };
}

/**
 * How a track is converted to Opus with at most two channels; undefined if it is that already. Streams have
 * no G.711.
 */
export function opusTranscodeOf({ id, timescale, config }: AudioTrack): OpusTranscodeTrack | undefined {
  if (isG711(config.codec) || (config.codec === 'opus' && config.channels <= MOST_CHANNELS)) return undefined;
  const codec = config.codec === 'mp3' && config.layer !== undefined ? (`mp${config.layer}` as const) : config.codec;
  const channels = config.channels === 1 ? 1 : MOST_CHANNELS;
  const record = Buffer.from(config.record).toString('base64');
  return { output: 'opus', id, codec, record, timescale, channels, bitRate: OPUS_BIT_RATES[channels] };
}

/** The Opus track that a conversion results in: same id and language, ticks of 48 kHz. */
export function opusTrack(track: AudioTrack, { codec, channels }: OpusTranscodeTrack): AudioTrack {
  return { ...track, timescale: OPUS_RATE, config: { ...opusConfig(channels)!, convertedFrom: codec } };
}

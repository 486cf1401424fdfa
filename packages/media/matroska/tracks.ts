/**
 * The Tracks element: tracks and codecs of a Matroska file.
 * In: tracks of pictures and sound. Out: bytes. Pure. RFC 9559, 5.1.4; codec ids and CodecPrivate:
 * draft-ietf-cellar-codec, 6.
 */

import { parseAacConfig } from '../aac/config.ts';
import { FormatError } from '../errors.ts';
import { printFlacHeader } from '../flac/stream-info.ts';
import type { AudioConfig, AudioTrack, VideoTrack } from '../frame.ts';
import { printOpusHead } from '../opus/head.ts';
import { vp9Features } from '../vp9/vpcc.ts';
import { element, floatElement, textElement, uintElement } from './ebml.ts';

/** A track as the file names it. */
export interface NumberedTrack {
  /** TrackNumber, 1 to 126, so that a block names it in one byte. */
  readonly number: number;
  readonly track: VideoTrack | AudioTrack;
  /** How long each of its frames lasts, ticks; undefined where they differ. */
  readonly step?: number;
}

const TRACKS = 0x1654ae6b;
const TRACK_ENTRY = 0xae;
const TRACK_NUMBER = 0xd7;
const TRACK_UID = 0x73c5;
const TRACK_TYPE = 0x83;
const FLAG_DEFAULT = 0x88;
const FLAG_LACING = 0x9c;
const DEFAULT_DURATION = 0x23e383;
const NAME = 0x536e;
const LANGUAGE = 0x22b59c;
const LANGUAGE_BCP47 = 0x22b59d;
const CODEC_ID = 0x86;
const CODEC_PRIVATE = 0x63a2;
const SEEK_PRE_ROLL = 0x56bb;
const VIDEO = 0xe0;
const PIXEL_WIDTH = 0xb0;
const PIXEL_HEIGHT = 0xba;
const AUDIO = 0xe1;
const SAMPLING_FREQUENCY = 0xb5;
const OUTPUT_SAMPLING_FREQUENCY = 0x78b5;
const CHANNELS = 0x9f;

/** Writes the Tracks element. */
export function printTracks(tracks: readonly NumberedTrack[]): Uint8Array {
  const kinds = new Set<string>();
  return element(
    TRACKS,
    ...tracks.map((numbered) => {
      const isFirst = !kinds.has(numbered.track.kind);
      kinds.add(numbered.track.kind);
      return printEntry(numbered, isFirst);
    }),
  );
}

function printEntry({ number, track, step }: NumberedTrack, isDefault: boolean): Uint8Array {
  const { language } = track;
  // The old element knows three letters only; its absence would mean English.
  const parts = [
    uintElement(TRACK_NUMBER, number),
    uintElement(TRACK_UID, track.id),
    uintElement(TRACK_TYPE, track.kind === 'video' ? 1 : 2),
    uintElement(FLAG_DEFAULT, isDefault ? 1 : 0),
    uintElement(FLAG_LACING, 0),
    textElement(LANGUAGE, /^[a-z]{3}$/.test(language) ? language : 'und'),
  ];
  if (language !== 'und' && language !== '') parts.push(textElement(LANGUAGE_BCP47, language));
  if (track.label !== '') parts.push(textElement(NAME, track.label));
  if (step !== undefined) parts.push(uintElement(DEFAULT_DURATION, Math.round((step * 1e9) / track.timescale)));
  parts.push(textElement(CODEC_ID, CODEC_IDS[track.config.codec]));
  const codecPrivate = codecPrivateOf(track.config);
  if (codecPrivate.length > 0) parts.push(element(CODEC_PRIVATE, codecPrivate));
  if (track.config.codec === 'opus') parts.push(uintElement(SEEK_PRE_ROLL, OPUS_PRE_ROLL_NS));
  if (track.kind === 'video') {
    const { width, height } = track.config;
    parts.push(element(VIDEO, uintElement(PIXEL_WIDTH, width), uintElement(PIXEL_HEIGHT, height)));
  } else {
    parts.push(printAudio(track.config));
  }
  return element(TRACK_ENTRY, ...parts);
}

const CODEC_IDS: Readonly<Record<(VideoTrack | AudioTrack)['config']['codec'], string>> = {
  h264: 'V_MPEG4/ISO/AVC',
  hevc: 'V_MPEGH/ISO/HEVC',
  av1: 'V_AV1',
  vp9: 'V_VP9',
  aac: 'A_AAC',
  mp3: 'A_MPEG/L3',
  ac3: 'A_AC3',
  eac3: 'A_EAC3',
  opus: 'A_OPUS',
  flac: 'A_FLAC',
  // Converted before the stream.
  vp8: 'V_VP8',
  mpeg2: 'V_MPEG2',
  pcmu: 'A_MS/ACM',
  pcma: 'A_MS/ACM',
};
/** Pre-roll of an Opus decoder after a seek (RFC 7845, 4.6), ns. */
const OPUS_PRE_ROLL_NS = 80_000_000;

/** CodecPrivate; empty for codecs with self-contained frames. Throws FormatError for a malformed record. */
export function codecPrivateOf(config: Pick<(VideoTrack | AudioTrack)['config'], 'codec' | 'record'>): Uint8Array {
  switch (config.codec) {
    case 'vp9':
      return vp9Features(config.record);
    case 'opus':
      // Blocks have the time of what they decode to, and a clip begins in the middle of a stream: nothing is
      // skipped.
      return printOpusHead(config.record, 0);
    case 'flac':
      return printFlacHeader(config.record);
    case 'ac3':
    case 'eac3':
      return new Uint8Array(0);
    default:
      return config.record;
  }
}

/**
 * Where spectral band replication doubles the rate, the file names that of the core and that of the output.
 */
function printAudio(config: AudioConfig): Uint8Array {
  const rates = ratesOf(config);
  const parts = [floatElement(SAMPLING_FREQUENCY, rates.core), uintElement(CHANNELS, config.channels)];
  if (rates.output !== rates.core) parts.push(floatElement(OUTPUT_SAMPLING_FREQUENCY, rates.output));
  return element(AUDIO, ...parts);
}

function ratesOf({ codec, record, sampleRate }: AudioConfig): { core: number; output: number } {
  if (codec !== 'aac') return { core: sampleRate, output: sampleRate };
  try {
    const { sampleRate: core, sbrRate } = parseAacConfig(record);
    return { core, output: sbrRate ?? core };
  } catch (error) {
    // A record that cannot be parsed completely is still played, with the rate of the track.
    if (error instanceof FormatError) return { core: sampleRate, output: sampleRate };
    throw error;
  }
}

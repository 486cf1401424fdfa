/**
 * onMetaData: the sender's description of its tracks.
 * In: a script message. Out: the expected tracks, for the wait at the start; or a message for a target. Pure.
 * Adobe Flash Video File Format 10.1, E.5; Enhanced RTMP v2, "Enhancing onMetaData".
 */

import { parseAmf0, printAmf0 } from '../amf/amf0.ts';
import { type AmfObject, type AmfValue, isAmfObject } from '../amf/value.ts';
import { FormatError } from '../errors.ts';
import type { AudioTrack, VideoTrack } from '../frame.ts';
import { FOUR_CC, SOUND_FORMAT, VIDEO_CODEC_ID } from './message.ts';

const MAX_METADATA_BYTES = 64 * 1024;
const NAME = 'onMetaData';
/** In front of the name when an encoder asks the server to store it. */
const STORE = '@setDataFrame';
/** BCP 47, roughly: it becomes a part of addresses. */
const LANGUAGE = /^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i;

/** The announcement of the sender. */
export interface FlvMetadata {
  /** Track ids of the video tracks; 0 is the default one. */
  readonly video: readonly number[];
  readonly audio: readonly number[];
  /** BCP 47 by id of the audio track. */
  readonly languages: ReadonlyMap<number, string>;
  /** Names of audio tracks for people, by id; at most 64 characters. */
  readonly labels: ReadonlyMap<number, string>;
  /**
   * Name and version of the encoder, e.g. `obs-output module (libobs version 30.2.3)`; at most 120
   * characters.
   */
  readonly encoder: string | undefined;
  /** Announced rates of its media; undefined where it says nothing or zero. */
  readonly rates: FlvRates;
}

/** Announced rates. */
export interface FlvRates {
  /** Bits per second. */
  readonly video: number | undefined;
  readonly audio: number | undefined;
  /** Frames per second. */
  readonly frameRate: number | undefined;
}

/** Highest bitrate and frame rate that are believed. */
const MAX_BITRATE = 1e9;
const MAX_FRAME_RATE = 1000;
/** Longest name of a track, characters. */
const MAX_LABEL = 64;

/**
 * Reads a script message; undefined if it is not onMetaData.
 *
 * @throws FormatError if it is malformed or has more than 64 KiB
 */
export function parseMetadata(body: Uint8Array): FlvMetadata | undefined {
  if (body.length > MAX_METADATA_BYTES) throw new FormatError(`script data of ${body.length} bytes`, 0);
  const values = parseAmf0(body);
  const at = values[0] === STORE ? 1 : 0;
  const object = values[at + 1];
  if (values[at] !== NAME || object === undefined || !isAmfObject(object)) return undefined;
  const languages = new Map<number, string>();
  const labels = new Map<number, string>();
  const video = idsOf(object, 'videocodecid', 'videoTrackIdInfoMap');
  const audio = idsOf(object, 'audiocodecid', 'audioTrackIdInfoMap', { languages, labels });
  const encoder = object.encoder;
  const rates: FlvRates = {
    video: numberOf(object.videodatarate, 1000, MAX_BITRATE),
    audio: numberOf(object.audiodatarate, 1000, MAX_BITRATE),
    frameRate: numberOf(object.framerate, 1, MAX_FRAME_RATE),
  };
  return {
    video,
    audio,
    languages,
    labels,
    rates,
    encoder: typeof encoder === 'string' ? encoder.slice(0, 120) : undefined,
  };
}

/** A positive number up to `most`, in units of `unit`. */
function numberOf(value: AmfValue | undefined, unit: number, most: number): number | undefined {
  return typeof value === 'number' && value > 0 && value * unit <= most ? value * unit : undefined;
}

/** What a map says of tracks besides their numbers. */
interface Described {
  readonly languages: Map<number, string>;
  readonly labels: Map<number, string>;
}

/** The numbers of the tracks; the default one has the number 0, also in a map. */
function idsOf(object: AmfObject, codec: string, map: string, described?: Described): number[] {
  const ids = isCodec(object[codec]) ? [0] : [];
  const tracks = object[map];
  if (tracks === undefined || !isAmfObject(tracks)) return ids;
  for (const [key, value] of Object.entries(tracks)) {
    const id = Number(key);
    if (!/^\d{1,3}$/.test(key) || id > 255) continue;
    if (!ids.includes(id)) ids.push(id);
    if (!isAmfObject(value) || !described) continue;
    const { language, title, name } = value;
    if (typeof language === 'string' && LANGUAGE.test(language)) described.languages.set(id, language);
    const label = [title, name].find((text) => typeof text === 'string' && text.trim() !== '');
    if (typeof label === 'string') described.labels.set(id, printable(label));
  }
  return ids;
}

/** A name without control characters and quotes, which lists of HLS cannot have. */
function printable(text: string): string {
  return text
    .replaceAll(/[\p{C}"]/gu, ' ')
    .trim()
    .slice(0, MAX_LABEL);
}

/** A number, or a name as some encoders write; 0 is a codec of audio, but no encoder of today sends it. */
function isCodec(value: AmfValue | undefined): boolean {
  return (typeof value === 'number' && value > 0) || (typeof value === 'string' && value !== '');
}

/** Legacy codec numbers, for targets that know no others. */
const LEGACY = { h264: VIDEO_CODEC_ID.avc, aac: SOUND_FORMAT.aac, mp3: SOUND_FORMAT.mp3 } as const;
const ENHANCED = {
  h264: FOUR_CC.avc1,
  hevc: FOUR_CC.hvc1,
  av1: FOUR_CC.av01,
  vp9: FOUR_CC.vp09,
  aac: FOUR_CC.mp4a,
  mp3: FOUR_CC.mp3,
  opus: FOUR_CC.opus,
  ac3: FOUR_CC.ac3,
  eac3: FOUR_CC.eac3,
  flac: FOUR_CC.flac,
} as const;

/**
 * Prints the body of a script message.
 *
 * @param video the default track of each kind; undefined without one
 * @param encoder name and version of this program
 */
export function printMetadata(
  video: VideoTrack | undefined,
  audio: AudioTrack | undefined,
  encoder: string,
): Uint8Array {
  const ids: Partial<Record<string, number>> = { ...ENHANCED, ...LEGACY };
  const codecId = (codec: string) => ids[codec] ?? 0;
  const object: Record<string, AmfValue> = { duration: 0 };
  if (video) {
    const { codec, width, height, frameRate } = video.config;
    Object.assign(object, { width, height, videocodecid: codecId(codec) });
    if (frameRate !== undefined) object.framerate = frameRate;
  }
  if (audio) {
    const { codec, sampleRate, channels } = audio.config;
    Object.assign(object, { audiosamplerate: sampleRate, audiosamplesize: 16, stereo: channels > 1 });
    Object.assign(object, { audiochannels: channels, audiocodecid: codecId(codec) });
  }
  return printAmf0([STORE, NAME, { ...object, encoder }], { ecmaArrays: false });
}

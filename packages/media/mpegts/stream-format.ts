/**
 * Codec of an elementary stream in the PMT: a table of stream types, and the descriptors that identify
 * private ones.
 * In: an entry of a PMT. Out: supported video, audio or data, the name of unsupported media, or undefined.
 * ISO/IEC 13818-1, table 2-34 and 2.6.8; ETSI EN 300 468, 6.2; ATSC A/53 Part 3; SCTE 35, 8.1; ETSI TS 103
 * 491 (Opus).
 */

import type { DataConfig } from '../frame.ts';
import type { LeftOutTrack } from '../left-out.ts';
import type { Descriptor, Pmt, PmtStream } from './psi.ts';
import { type AudioFraming, ac3Framing, adtsFraming, mp3Framing, opusFraming } from './track/audio-framing.ts';
import { mpeg2Codec } from './track/mpeg2-codec.ts';
import { h264Codec, hevcCodec, type VideoCodec } from './track/video-codec.ts';

/** A supported stream. */
export type StreamFormat =
  | { readonly kind: 'video'; readonly codec: VideoCodec }
  | { readonly kind: 'audio'; readonly framing: AudioFraming }
  | { readonly kind: 'data'; readonly codec: DataConfig['codec'] };

/** Unsupported media. */
interface RefusedStream {
  readonly kind: 'refused';
  readonly leftOut: LeftOutTrack;
}

function refused(kind: LeftOutTrack['kind'], name: string): RefusedStream {
  return { kind: 'refused', leftOut: { kind, name } };
}

function video(name: string): RefusedStream {
  return refused('video', `${name} video`);
}

function audio(name: string): RefusedStream {
  return refused('audio', `${name} audio`);
}

const ADTS = { kind: 'audio', framing: adtsFraming } as const;
const MPEG_AUDIO = { kind: 'audio', framing: mp3Framing } as const;
const AC3 = { kind: 'audio', framing: ac3Framing } as const;
const MPEG2 = { kind: 'video', codec: mpeg2Codec } as const;
const HEVC = { kind: 'video', codec: hevcCodec } as const;

const BY_TYPE = new Map<number, StreamFormat>([
  [0x03, MPEG_AUDIO],
  [0x04, MPEG_AUDIO],
  [0x0f, ADTS],
  [0x1b, { kind: 'video', codec: h264Codec }],
  [0x24, HEVC],
  [0x81, AC3],
  [0x86, { kind: 'data', codec: 'scte35' }],
  [0x87, AC3],
]);
/** Taken where it is converted. */
const CONVERTED_TYPES = new Map<number, StreamFormat>([
  [0x01, MPEG2],
  [0x02, MPEG2],
]);
const REFUSED_TYPES = new Map<number, RefusedStream>([
  [0x01, video('MPEG-1')],
  [0x02, video('MPEG-2')],
  [0x10, video('MPEG-4')],
  [0x11, audio('AAC in LATM')],
  [0x1c, audio('raw MPEG-4')],
  [0x1d, refused('text', 'MPEG-4 timed text')],
  [0x1e, video('auxiliary')],
  [0x20, video('a second view of H.264 (MVC)')],
  [0x21, video('JPEG 2000')],
  [0x2d, audio('MPEG-H')],
  [0x2e, audio('MPEG-H')],
  [0x32, video('JPEG XS')],
  [0x33, video('VVC')],
  [0x42, video('AVS')],
  [0x82, audio('DTS')],
  [0x83, audio('TrueHD')],
  [0x85, audio('DTS-HD')],
  [0x88, audio('DTS')],
  [0x8a, audio('DTS')],
  [0xc1, audio('encrypted AC-3')],
  [0xc2, audio('encrypted E-AC-3')],
  [0xcf, audio('encrypted AAC')],
  [0xd1, video('Dirac')],
  [0xd2, video('AVS2')],
  [0xd4, video('AVS3')],
  [0xdb, video('encrypted H.264')],
  [0xea, video('VC-1')],
]);
/** User private types from here on may be anything; types below are data unless listed above. */
const FIRST_USER_PRIVATE = 0x80;
/**
 * Private types that are known to be data: SCTE 27 and Blu-ray graphics, DSM-CC, text and tables of cable
 * systems.
 */
const DATA_TYPES: ReadonlySet<number> = new Set([0x90, 0x91, 0x92, 0x95, 0xa0, 0xc0, 0xc6]);
/** Private data identified by a registration (2.6.8). */
const REFUSED_NAMES = new Map<string, RefusedStream>([
  ['AV01', video('AV1')],
  ['AC-4', audio('AC-4')],
  ['KLVA', refused('unknown', 'KLV metadata')],
  ['BSSD', audio('SMPTE 302M PCM')],
  ['DTS1', audio('DTS')],
  ['DTS2', audio('DTS')],
  ['DTS3', audio('DTS')],
  ['drac', video('Dirac')],
  ['VC-1', video('VC-1')],
  ['VP09', video('VP9')],
]);

const METADATA_IN_PES = 0x15;
const PRIVATE_PES = 0x06;
const REGISTRATION = 0x05;
const METADATA = 0x26;
const DVB_VBI = 0x45;
const DVB_VBI_TELETEXT = 0x46;
const DVB_TELETEXT = 0x56;
const DVB_SUBTITLES = 0x59;
const DVB_AC3 = 0x6a;
const DVB_EAC3 = 0x7a;
const DVB_DTS = 0x7b;
const DVB_AAC = 0x7c;
const DVB_EXTENSION = 0x7f;
const OPUS_EXTENSION = 0x80;
const AC4_EXTENSION = 0x15;
/** Opus without a channel configuration. */
const STEREO = 2;

/** Stream types of Blu-ray, where others have SCTE 35. */
const BLU_RAY = new Map<number, StreamFormat | RefusedStream>([
  [0x80, audio('LPCM')],
  [0x82, audio('DTS')],
  [0x83, audio('TrueHD')],
  [0x84, AC3],
  [0x85, audio('DTS-HD')],
  [0x86, audio('DTS-HD')],
  [0xa1, AC3],
]);

/**
 * Codecs of the streams of a program, in their order.
 *
 * @param mpeg2 MPEG-1 and MPEG-2 video is taken, if there is no other video
 */
export function formatsOf({ streams }: Pmt, mpeg2: boolean): (StreamFormat | RefusedStream | undefined)[] {
  const formats = streams.map(formatOf);
  if (!mpeg2 || formats.some((format) => format?.kind === 'video')) return formats;
  return formats.map((format, i) => CONVERTED_TYPES.get(streams[i]!.type) ?? format);
}

/** Codec of a stream; undefined for data that is ignored: tables, private PES of unknown type. */
function formatOf({ type, descriptors, ofProgram }: PmtStream): StreamFormat | RefusedStream | undefined {
  if (BLU_RAY.has(type) && isRegistered(ofProgram, 'HDMV')) return BLU_RAY.get(type);
  if (type === METADATA_IN_PES) return isId3(descriptors) ? { kind: 'data', codec: 'id3' } : undefined;
  if (type === PRIVATE_PES) return privateFormat(descriptors);
  const format = BY_TYPE.get(type) ?? REFUSED_TYPES.get(type);
  if (format || type < FIRST_USER_PRIVATE || DATA_TYPES.has(type)) return format;
  const named = privateFormat(descriptors);
  return named ?? refused('unknown', `a track of unknown stream type 0x${type.toString(16)}`);
}

function privateFormat(descriptors: readonly Descriptor[]): StreamFormat | RefusedStream | undefined {
  for (const { tag, body } of descriptors) {
    if (tag === DVB_AC3 || tag === DVB_EAC3) return AC3;
    if (tag === DVB_DTS) return audio('DTS');
    if (tag === DVB_AAC) return audio('AAC in LATM');
    if (tag === DVB_EXTENSION && body[0] === AC4_EXTENSION) return audio('AC-4');
    if (tag === DVB_SUBTITLES) return refused('text', 'DVB subtitles');
    if (tag === DVB_TELETEXT || tag === DVB_VBI_TELETEXT) return refused('text', 'teletext');
    if (tag === DVB_VBI) return refused('unknown', 'VBI data');
    if (tag !== REGISTRATION) continue;
    const name = text(body, 0);
    if (name === 'AC-3' || name === 'EAC3') return AC3;
    if (name === 'HEVC') return HEVC;
    if (name === 'Opus') return { kind: 'audio', framing: opusFraming(opusChannels(descriptors)) };
    const refusal = REFUSED_NAMES.get(name);
    if (refusal) return refusal;
  }
  return undefined;
}

/** channel_config_code in the extension descriptor of Opus. */
function opusChannels(descriptors: readonly Descriptor[]): number {
  const descriptor = descriptors.find(({ tag, body }) => tag === DVB_EXTENSION && body[0] === OPUS_EXTENSION);
  return descriptor?.body[1] ?? STEREO;
}

/**
 * metadata_descriptor (2.6.60): the metadata format, 0xff and four letters, after the application format.
 * Without one, ID3 is assumed.
 */
function isId3(descriptors: readonly Descriptor[]): boolean {
  const descriptor = descriptors.find(({ tag }) => tag === METADATA);
  if (!descriptor) return true;
  const format = descriptor.body[0] === 0xff && descriptor.body[1] === 0xff ? 6 : 2;
  return descriptor.body[format] === 0xff && text(descriptor.body, format + 1) === 'ID3 ';
}

function isRegistered(descriptors: readonly Descriptor[], name: string): boolean {
  return descriptors.some(({ tag, body }) => tag === REGISTRATION && text(body, 0) === name);
}

function text(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

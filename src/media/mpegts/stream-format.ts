/**
 * What an elementary stream is, as the PMT declares it: a table of stream types, and the descriptors that private ones are told by.
 * In: an entry of a PMT. Out: video, audio or data that oxbow takes, a word for what it refuses, or nothing.
 * ISO/IEC 13818-1, table 2-34 and 2.6.8; ETSI EN 300 468, 6.2; ATSC A/53 Part 3; SCTE 35, 8.1; ETSI TS 103 491 (Opus).
 */
import type { DataConfig } from '../frame.ts';
import { type AudioFraming, ac3Framing, adtsFraming, mp3Framing, opusFraming } from './audio-framing.ts';
import type { Descriptor, PmtStream } from './psi.ts';
import { h264Codec, hevcCodec, type VideoCodec } from './video-codec.ts';

/** What becomes a track. */
export type StreamFormat =
  | { readonly kind: 'video'; readonly codec: VideoCodec }
  | { readonly kind: 'audio'; readonly framing: AudioFraming }
  | { readonly kind: 'data'; readonly codec: DataConfig['codec'] };

/** Media that cannot be taken, in a word for a person. */
export interface RefusedStream {
  readonly kind: 'refused';
  readonly name: string;
}

const ADTS = { kind: 'audio', framing: adtsFraming } as const;
const MPEG_AUDIO = { kind: 'audio', framing: mp3Framing } as const;
const AC3 = { kind: 'audio', framing: ac3Framing } as const;
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
const REFUSED_TYPES = new Map([
  [0x01, 'MPEG-1 video'],
  [0x02, 'MPEG-2 video'],
  [0x10, 'MPEG-4 video'],
  [0x11, 'AAC in LATM'],
  [0x33, 'VVC'],
  [0xc1, 'encrypted AC-3'],
  [0xc2, 'encrypted E-AC-3'],
  [0xcf, 'encrypted AAC'],
  [0xdb, 'encrypted H.264'],
]);
/** Private data that names itself by a registration (2.6.8). */
const REFUSED_NAMES = new Map([
  ['AV01', 'AV1'],
  ['AC-4', 'AC-4'],
  ['DTS1', 'DTS'],
  ['DTS2', 'DTS'],
  ['DTS3', 'DTS'],
  ['VC-1', 'VC-1'],
]);

const METADATA_IN_PES = 0x15;
const PRIVATE_PES = 0x06;
const REGISTRATION = 0x05;
const METADATA = 0x26;
const DVB_AC3 = 0x6a;
const DVB_EAC3 = 0x7a;
const DVB_DTS = 0x7b;
const DVB_AAC = 0x7c;
const DVB_EXTENSION = 0x7f;
const OPUS_EXTENSION = 0x80;
const AC4_EXTENSION = 0x15;
/** Opus that says nothing of its channels. */
const STEREO = 2;

/** Stream types of Blu-ray, where others have SCTE 35. */
const BLU_RAY = new Map<number, StreamFormat | RefusedStream>([
  [0x80, { kind: 'refused', name: 'LPCM' }],
  [0x82, { kind: 'refused', name: 'DTS' }],
  [0x83, { kind: 'refused', name: 'TrueHD' }],
  [0x84, AC3],
  [0x85, { kind: 'refused', name: 'DTS-HD' }],
  [0x86, { kind: 'refused', name: 'DTS-HD' }],
  [0xa1, AC3],
]);

/** What this stream is; undefined for data that is passed over in silence. */
export function formatOf({ type, descriptors, ofProgram }: PmtStream): StreamFormat | RefusedStream | undefined {
  if (BLU_RAY.has(type) && isRegistered(ofProgram, 'HDMV')) return BLU_RAY.get(type);
  if (type === METADATA_IN_PES) return isId3(descriptors) ? { kind: 'data', codec: 'id3' } : undefined;
  if (type === PRIVATE_PES) return privateFormat(descriptors);
  const name = REFUSED_TYPES.get(type);
  return name ? { kind: 'refused', name } : BY_TYPE.get(type);
}

function privateFormat(descriptors: readonly Descriptor[]): StreamFormat | RefusedStream | undefined {
  const refused = (name: string) => ({ kind: 'refused', name }) as const;
  for (const { tag, body } of descriptors) {
    if (tag === DVB_AC3 || tag === DVB_EAC3) return AC3;
    if (tag === DVB_DTS) return refused('DTS');
    if (tag === DVB_AAC) return refused('AAC in LATM');
    if (tag === DVB_EXTENSION && body[0] === AC4_EXTENSION) return refused('AC-4');
    if (tag !== REGISTRATION) continue;
    const name = text(body, 0);
    if (name === 'AC-3' || name === 'EAC3') return AC3;
    if (name === 'HEVC') return HEVC;
    if (name === 'Opus') return { kind: 'audio', framing: opusFraming(opusChannels(descriptors)) };
    const known = REFUSED_NAMES.get(name);
    if (known) return refused(known);
  }
  return undefined;
}

/** channel_config_code in the extension descriptor of Opus. */
function opusChannels(descriptors: readonly Descriptor[]): number {
  const own = descriptors.find(({ tag, body }) => tag === DVB_EXTENSION && body[0] === OPUS_EXTENSION);
  return own?.body[1] ?? STEREO;
}

/** metadata_descriptor (2.6.60): behind the application format the format of the metadata, 0xff and four letters. Without one it is ID3 until it shows otherwise. */
function isId3(descriptors: readonly Descriptor[]): boolean {
  const own = descriptors.find(({ tag }) => tag === METADATA);
  if (!own) return true;
  const format = own.body[0] === 0xff && own.body[1] === 0xff ? 6 : 2;
  return own.body[format] === 0xff && text(own.body, format + 1) === 'ID3 ';
}

function isRegistered(descriptors: readonly Descriptor[], name: string): boolean {
  return descriptors.some(({ tag, body }) => tag === REGISTRATION && text(body, 0) === name);
}

function text(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

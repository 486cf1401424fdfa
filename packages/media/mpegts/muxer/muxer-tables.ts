/**
 * The tables of a transport stream with one program: which streams there are, and which language they speak.
 * In: tracks. Out: PAT and PMT as sections with their CRC. ISO/IEC 13818-1, 2.4.4 and 2.6; ATSC A/53 Part 3;
 * ETSI TS 103 491 (Opus); Timed Metadata for HTTP Live Streaming, 2 (ID3). Pure.
 */

import { crc32Mpeg } from '../../crc32-mpeg.ts';
import { OxbowError } from '../../errors.ts';
import type { Track } from '../../frame.ts';
import { opusCode } from '../../opus/config.ts';
import { iso639 } from '../language.ts';

/** PID of the PAT (table 2-3). */
export const PAT_PID = 0;
export const PMT_PID = 0x1000;
/** PID of the first track; the others follow. */
export const FIRST_PID = 0x100;
const TRANSPORT_STREAM_ID = 1;
const PROGRAM = 1;

/** The program association section. */
export function printPat(): Uint8Array {
  return printTable(0x00, TRANSPORT_STREAM_ID, [PROGRAM >> 8, PROGRAM & 0xff, 0xe0 | (PMT_PID >> 8), PMT_PID & 0xff]);
}

/**
 * The program map section.
 *
 * @param tracks at most 40, so that the section has at most 1,024 bytes
 * @param clockPid PID that carries the clock
 * @param version version_number, 0 to 31
 * @throws OxbowError `unsupported-media` for a codec that MPEG-TS cannot carry
 */
export function printPmt(tracks: readonly Track[], clockPid: number, version = 0): Uint8Array {
  const programDescriptors = tracks.some((track) => track.config.codec === 'id3') ? ID3_POINTER : [];
  const body = [0xe0 | (clockPid >> 8), clockPid & 0xff, 0xf0, programDescriptors.length, ...programDescriptors];
  for (const [i, track] of tracks.entries()) {
    const pid = FIRST_PID + i;
    const descriptors = descriptorsOf(track);
    body.push(streamTypeOf(track), 0xe0 | (pid >> 8), pid & 0xff, 0xf0, descriptors.length, ...descriptors);
  }
  return printTable(0x02, PROGRAM, body, version);
}

/** stream_type by codec (table 2-34; A/53 for AC-3 and E-AC-3); other codecs cannot be carried. */
const STREAM_TYPES: Readonly<Partial<Record<Track['config']['codec'], number>>> = {
  h264: 0x1b,
  hevc: 0x24,
  aac: 0x0f,
  mp3: 0x03,
  ac3: 0x81,
  eac3: 0x87,
  opus: 0x06,
  id3: 0x15,
};
const MPEG2_AUDIO = 0x04;

const letters = (text: string) => [...new TextEncoder().encode(text)];
/**
 * metadata_pointer_descriptor and metadata_descriptor (2.6.58, 2.6.60): ID3 in this program, as service 0.
 */
const ID3_POINTER = [
  0x25,
  15,
  0xff,
  0xff,
  ...letters('ID3 '),
  0xff,
  ...letters('ID3 '),
  0,
  0x1f,
  PROGRAM >> 8,
  PROGRAM,
];
const ID3_DESCRIPTOR = [0x26, 13, 0xff, 0xff, ...letters('ID3 '), 0xff, ...letters('ID3 '), 0, 0x0f];

/**
 * Asserts that a transport stream can carry these tracks.
 *
 * @throws OxbowError `unsupported-media` for AV1, VP9, FLAC, text, and metadata other than ID3
 */
export function assertTsCarries(tracks: readonly Track[]): void {
  for (const track of tracks) streamTypeOf(track);
}

/** Whether MPEG-TS can carry a track. */
export function canTsCarry({ config }: Track): boolean {
  return STREAM_TYPES[config.codec] !== undefined && (config.codec !== 'opus' || opusCode(config.record) !== undefined);
}

function streamTypeOf({ config }: Track): number {
  const type = STREAM_TYPES[config.codec];
  if (type === undefined) throw new OxbowError('unsupported-media', `MPEG-TS cannot carry ${nameOf(config.codec)}.`);
  return config.codecs === 'mp4a.69' ? MPEG2_AUDIO : type;
}

function nameOf(codec: Track['config']['codec']): string {
  const names: Partial<Record<typeof codec, string>> = {
    av1: 'AV1',
    vp9: 'VP9',
    flac: 'FLAC',
    webvtt: 'WebVTT',
    scte35: 'SCTE 35',
  };
  return names[codec] ?? codec;
}

/**
 * What the stream type does not tell, and the language where it is known (ISO_639_language_descriptor,
 * 2.6.18).
 */
function descriptorsOf(track: Track): number[] {
  const code = track.kind === 'audio' ? iso639(track.language) : undefined;
  return [...formatDescriptorsOf(track), ...(code ? [0x0a, 4, ...letters(code), 0] : [])];
}

function formatDescriptorsOf({ config }: Track): readonly number[] {
  const registration = (name: string) => [0x05, 4, ...letters(name)];
  if (config.codec === 'id3') return ID3_DESCRIPTOR;
  if (config.codec === 'ac3') return registration('AC-3');
  if (config.codec === 'eac3') return registration('EAC3');
  if (config.codec !== 'opus') return [];
  const channels = opusCode(config.record);
  if (channels === undefined) throw new OxbowError('unsupported-media', 'MPEG-TS has no code for these Opus channels.');
  return [...registration('Opus'), 0x7f, 2, 0x80, channels];
}

/** A section with the long header: valid now, the only one of its table. */
function printTable(tableId: number, extension: number, body: readonly number[], version = 0): Uint8Array {
  const length = 5 + body.length + 4;
  const section = new Uint8Array(3 + length);
  section.set([
    tableId,
    0xb0 | (length >> 8),
    length & 0xff,
    extension >> 8,
    extension & 0xff,
    0xc1 | (version << 1),
    0,
    0,
    ...body,
  ]);
  new DataView(section.buffer).setUint32(section.length - 4, crc32Mpeg(section, 0, section.length - 4));
  return section;
}

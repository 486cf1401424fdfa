/**
 * The container of an original, by its content.
 * In: its first bytes, and FFmpeg's name for it. Out: a name and a media type; a refusal of files that are no
 * films at all.
 */
import { sniffFile } from '@oxbow/media/file/sniff';
import { refused } from './limits.ts';

interface Container {
  readonly name: string;
  /** Media type of the original. */
  readonly contentType: string;
}

/** Bytes of the start that are needed. */
export const CONTAINER_START_BYTES = 4096;

const PICTURES = /^(heic|heix|hevc|heim|heis|mif1|msf1|avif|avis|jxl )/;

/** The first bytes of files that are no films. */
const OTHERS: readonly (readonly [start: string, what: string])[] = [
  ['%PDF', 'a PDF document'],
  ['PK\x03\x04', 'a ZIP archive or an office document'],
  ['\x89PNG', 'a picture (PNG)'],
  ['\xff\xd8\xff', 'a picture (JPEG)'],
  ['GIF8', 'a picture (GIF)'],
  ['BM', 'a picture (BMP)'],
  ['#EXTM3U', 'a playlist'],
  ['ffconcat', 'a playlist'],
  ['[playlist]', 'a playlist'],
  ['<', 'a document, not media'],
  ['\x7fELF', 'a program'],
  ['MZ', 'a program'],
];

/** Media that is not accepted, by its first bytes. */
const NOT_ACCEPTED: readonly (readonly [start: string, what: string])[] = [
  ['\x30\x26\xb2\x75\x8e\x66\xcf\x11', 'Windows Media (ASF, WMV, WMA)'],
  ['\x06\x0e\x2b\x34\x02\x05\x01\x01', 'MXF'],
  ['FORM', 'AIFF'],
  ['#!AMR', 'AMR'],
  ['.RMF', 'RealMedia'],
  ['MThd', 'MIDI'],
  ['YUV4MPEG2', 'raw video (Y4M)'],
  ['caff', 'CAF'],
];
const ACCEPTED = 'MP4, MOV, Matroska, WebM, MPEG-TS, AVI, FLV, Ogg, WAV, MP3, FLAC, AAC, AC-3 and MPEG program streams';

/** Containers by FFmpeg's name. */
const NAMES: Readonly<Record<string, Container>> = {
  mpegts: { name: 'mpegts', contentType: 'video/mp2t' },
  avi: { name: 'avi', contentType: 'video/x-msvideo' },
  flv: { name: 'flv', contentType: 'video/x-flv' },
  ogg: { name: 'ogg', contentType: 'video/ogg' },
  wav: { name: 'wav', contentType: 'audio/wav' },
  mp3: { name: 'mp3', contentType: 'audio/mpeg' },
  flac: { name: 'flac', contentType: 'audio/flac' },
  aac: { name: 'aac', contentType: 'audio/aac' },
  ac3: { name: 'ac3', contentType: 'audio/ac3' },
  mpeg: { name: 'mpeg', contentType: 'video/mpeg' },
};

/** Whether the file begins as MP4 or QuickTime do. */
export function isMovie(start: Uint8Array): boolean {
  return /^(ftyp|styp|moov|mdat|free|skip|wide|pnot)$/.test(textAt(start, 4, 4));
}

function textAt(bytes: Uint8Array, at: number, count: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + count));
}

/**
 * Checks the start of a file.
 *
 * @throws OxbowError `unsupported-media` for an empty file and for one that is known to be no film
 */
export function checkStart(start: Uint8Array): void {
  if (start.length === 0) throw refused('The file is empty.');
  const text = textAt(start, 0, 16);
  const other = OTHERS.find(([prefix]) => text.trimStart().startsWith(prefix));
  if (other) throw refused(`This is ${other[1]}.`);
  const media = NOT_ACCEPTED.find(([prefix]) => text.startsWith(prefix));
  if (media) throw refused(`${media[1]} is not accepted. Accepted are ${ACCEPTED}.`);
  if (textAt(start, 4, 4) === 'ftyp' && PICTURES.test(textAt(start, 8, 4)))
    throw refused('This is a picture, not a film.');
  const sniffed = sniffFile(start);
  if (sniffed?.kind === 'other') throw refused(`This is ${sniffed.name}.`);
}

/** Names a container. */
export function containerOf(start: Uint8Array, ffmpegName: string, hasVideo: boolean): Container {
  const first = ffmpegName.split(',')[0]!;
  const kind = hasVideo ? 'video' : 'audio';
  if (first === 'mov') {
    const isQuickTime = textAt(start, 4, 4) !== 'ftyp' || textAt(start, 8, 4) === 'qt  ';
    return isQuickTime && hasVideo
      ? { name: 'mov', contentType: 'video/quicktime' }
      : { name: 'mp4', contentType: `${kind}/mp4` };
  }
  if (first === 'matroska') {
    const isWebm = textAt(start, 0, 64).includes('webm');
    return { name: isWebm ? 'webm' : 'matroska', contentType: `${kind}/${isWebm ? 'webm' : 'x-matroska'}` };
  }
  return NAMES[first] ?? { name: first, contentType: 'application/octet-stream' };
}

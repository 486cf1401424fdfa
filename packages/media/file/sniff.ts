/**
 * The type of a file by its first bytes, as far as that is certain; names and media types are ignored.
 * In: the first bytes. Out: a container of media, something that is certainly none, or undefined. Pure.
 */

/** The type of the bytes. */
type Sniffed =
  | { readonly kind: 'media'; readonly container: string }
  | { readonly kind: 'other'; readonly name: string };

const latin1 = (bytes: Uint8Array, from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));

/** Brands of pictures in ISO containers (ISO 23008-12, AVIF). */
const PICTURE_BRANDS: ReadonlySet<string> = new Set(['heic', 'heix', 'avif', 'avis']);
const BOXES: ReadonlySet<string> = new Set('moov moof mdat free skip wide styp sidx emsg prft uuid pnot'.split(' '));
/** Offset of the first packet and distance of packets, bytes: plain, M2TS, with parity. */
const TS_FORMS = [
  [0, 188],
  [4, 192],
  [0, 204],
] as const;
const SUBTITLES = 'subtitles without a video';
/** Beginnings of files that are certainly no media. */
const FOREIGN: readonly (readonly [start: string, name: string])[] = [
  ['\x89PNG\r\n\x1a\n', 'a PNG picture'],
  ['\xff\xd8\xff', 'a JPEG picture'],
  ['GIF87a', 'a GIF picture'],
  ['GIF89a', 'a GIF picture'],
  ['%PDF-', 'a PDF document'],
  ['PK\x03\x04', 'a ZIP archive'],
  ['PK\x05\x06', 'a ZIP archive'],
  ['Rar!\x1a\x07', 'a RAR archive'],
  ["7z\xbc\xaf'\x1c", 'a 7z archive'],
  ['\x1f\x8b\x08', 'a gzip archive'],
  ['\xfd7zXZ\0', 'an xz archive'],
  ['\x28\xb5\x2f\xfd', 'a Zstandard archive'],
  ['\x7fELF', 'a program'],
  ['\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', 'an Office document'],
  ['SQLite format 3\0', 'a database'],
  ['{\\rtf', 'a document'],
  ['#EXTM3U', 'a playlist, not the media that it lists'],
  ['WEBVTT', SUBTITLES],
  ['#!/', 'a script'],
];
/** Texts that begin so, in any case, after white space. */
const MARKUP = /^(?:\xef\xbb\xbf)?[\s]*<(?:!doctype|html|\?xml|svg|script|head|body|mpd)\b/i;

/**
 * Determines the type of a file.
 *
 * @param bytes the first 4 KiB, or all of a shorter file
 * @returns undefined where it is not certain: it may be media without a signature
 */
export function sniffFile(bytes: Uint8Array): Sniffed | undefined {
  const container = containerOf(bytes);
  if (container !== undefined) return { kind: 'media', container };
  const start = latin1(bytes, 0, 64);
  const brand = start.slice(4, 8) === 'ftyp' ? start.slice(8, 12) : '';
  const name =
    (PICTURE_BRANDS.has(brand) && 'a HEIF or AVIF picture') ||
    (start.startsWith('RIFF') && start.slice(8, 12) === 'WEBP' && 'a WebP picture') ||
    (MARKUP.test(start) && 'a web page or XML document') ||
    FOREIGN.find(([beginning]) => start.startsWith(beginning))?.[1] ||
    textOf(bytes);
  return name ? { kind: 'other', name } : undefined;
}

function containerOf(bytes: Uint8Array): string | undefined {
  const start = latin1(bytes, 0, 16);
  const type = start.slice(4, 8);
  if (type === 'ftyp') return PICTURE_BRANDS.has(start.slice(8, 12)) ? undefined : 'mp4';
  if (BOXES.has(type)) return 'mp4';
  if (start.startsWith('\x1a\x45\xdf\xa3')) return 'matroska';
  if (start.startsWith('OggS')) return 'ogg';
  if (start.startsWith('fLaC')) return 'flac';
  if (start.startsWith('FLV\x01')) return 'flv';
  if (start.startsWith('ID3')) return 'id3';
  if (start.startsWith('RIFF') && ['AVI ', 'WAVE'].includes(start.slice(8, 12))) return 'riff';
  if (start.startsWith('\x30\x26\xb2\x75\x8e\x66\xcf\x11')) return 'asf';
  if (start.startsWith('\0\0\x01\xba') || start.startsWith('\0\0\x01\xb3')) return 'mpeg';
  if (TS_FORMS.some(([first, stride]) => isTs(bytes, first, stride))) return 'mpegts';
  return undefined;
}

/** Least bytes that make a text certain. */
const MIN_TEXT = 32;

/** What kind of text the bytes are: all of them can be printed, which is true of no media. */
function textOf(bytes: Uint8Array): string | undefined {
  if (bytes.length < MIN_TEXT) return undefined;
  if (bytes.some((byte) => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d)) return undefined;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, lastStart(bytes)));
  } catch {
    return undefined;
  }
  return /^\d\d?:\d\d:\d\d[,.]\d{2,3} *-->/m.test(text) || /^\[Script Info\]/m.test(text) ? SUBTITLES : 'a text file';
}

/** Where the last character begins, which may be incomplete. */
function lastStart(bytes: Uint8Array): number {
  let at = bytes.length - 1;
  while (at > bytes.length - 4 && (bytes[at]! & 0xc0) === 0x80) at--;
  return at;
}

/** One sync byte may be a coincidence, three at the distance of packets are not. */
function isTs(bytes: Uint8Array, first: number, stride: number): boolean {
  return [0, 1, 2].every((n) => bytes[first + n * stride] === 0x47);
}

/**
 * Prints playlists.
 * In: values of playlist.ts. Out: text with LF line ends, ready to be served. Pure. RFC 8216bis 4.
 */
import { printDateRange } from './date-range.ts';
import type {
  ByteRange,
  ContentSteering,
  IFrameVariant,
  KeyTag,
  MapTag,
  MediaPlaylist,
  MultivariantPlaylist,
  PlaylistPart,
  PlaylistSegment,
  Rendition,
  ServerControl,
  SessionData,
  StartTag,
  Variant,
} from './playlist.ts';
import { TextWriter } from './text-writer.ts';

const ZERO = 48;
const NINE = 57;
const DAY_MS = 86_400_000;
const POINT = new TextEncoder().encode('.');
const COLON = new TextEncoder().encode(':');
const ZULU = new TextEncoder().encode('Z\n');
const UNPRINTABLE = /["\r\n]/;

/** A quoted-string (4.2): invalid characters are replaced, in a URI by their escape. */
function quoted(value: string, isUri = false): string {
  if (!UNPRINTABLE.test(value)) return `"${value}"`;
  return `"${value.replace(/["\r\n]/g, (c) => (isUri ? encodeURIComponent(c) : c === '"' ? "'" : ' '))}"`;
}

/** A URI line; one that starts with '#' would be a comment. */
function uriLine(uri: string): string {
  const line = UNPRINTABLE.test(uri) ? uri.replace(/[\r\n]/g, encodeURIComponent) : uri;
  return line.startsWith('#') ? `%23${line.slice(1)}` : line;
}

function sameRange(a: ByteRange | undefined, b: ByteRange | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.offset === b.offset && a.length === b.length);
}

function sameMap(a: MapTag | undefined, b: MapTag): boolean {
  if (a === b) return true;
  return a !== undefined && a.uri === b.uri && sameRange(a.byteRange, b.byteRange) && sameKey(a.key, b.key);
}

function sameKey(a: KeyTag | undefined, b: KeyTag | undefined): boolean {
  if (a === b) return true;
  if (!a || !b) return false;
  return (
    a.method === b.method &&
    a.uri === b.uri &&
    a.iv === b.iv &&
    a.keyFormat === b.keyFormat &&
    a.keyFormatVersions === b.keyFormatVersions
  );
}

const CLEAR: readonly KeyTag[] = [];

/** The keys in force at a segment: one for each KEYFORMAT. */
function keysOf({ key, keys }: Pick<PlaylistSegment, 'key' | 'keys'>): readonly KeyTag[] {
  return keys ?? (key ? [key] : CLEAR);
}

function sameKeys(a: readonly KeyTag[] | undefined, b: readonly KeyTag[]): boolean {
  if (a === b) return true;
  return a !== undefined && a.length === b.length && b.every((key, i) => sameKey(a[i], key));
}

function rangeText(range: ByteRange): string {
  return `${range.length}@${range.offset}`;
}

function keyAttributes(key: KeyTag): string {
  let text = `METHOD=${key.method}`;
  if (key.uri !== undefined) text += `,URI=${quoted(key.uri, true)}`;
  if (key.iv !== undefined) text += `,IV=0x${key.iv}`;
  if (key.keyFormat !== undefined) text += `,KEYFORMAT=${quoted(key.keyFormat)}`;
  if (key.keyFormatVersions !== undefined) text += `,KEYFORMATVERSIONS=${quoted(key.keyFormatVersions)}`;
  return text;
}

function serverControlLine(control: ServerControl): string | undefined {
  const attributes: string[] = [];
  if (control.canBlockReload) attributes.push('CAN-BLOCK-RELOAD=YES');
  if (control.canSkipUntilS !== undefined) attributes.push(`CAN-SKIP-UNTIL=${control.canSkipUntilS.toFixed(5)}`);
  if (control.holdBackS !== undefined) attributes.push(`HOLD-BACK=${control.holdBackS.toFixed(5)}`);
  if (control.partHoldBackS !== undefined) attributes.push(`PART-HOLD-BACK=${control.partHoldBackS.toFixed(5)}`);
  return attributes.length === 0 ? undefined : `#EXT-X-SERVER-CONTROL:${attributes.join()}`;
}

function startLine(start: StartTag): string {
  return `#EXT-X-START:TIME-OFFSET=${start.timeOffsetS.toFixed(5)}${start.precise ? ',PRECISE=YES' : ''}`;
}

function partLine(part: PlaylistPart): string {
  let line = `#EXT-X-PART:DURATION=${part.durationS.toFixed(5)},URI=${quoted(part.uri, true)}`;
  if (part.independent) line += ',INDEPENDENT=YES';
  if (part.byteRange) line += `,BYTERANGE="${rangeText(part.byteRange)}"`;
  if (part.gap) line += ',GAP=YES';
  return line;
}

/** Values that apply from one segment to the next, and the last printed ones. */
interface InForce {
  /** Any segment had a DISCONTINUITY. */
  hasDiscontinuity: boolean;
  /** Any segment is a GAP. */
  hasGap: boolean;
  map: MapTag | undefined;
  /** Undefined: skipped segments had keys that are not known here. */
  keys: readonly KeyTag[] | undefined;
  bitrateKbps: number | undefined;
  /** Seconds, and EXTINF of them up to the comma. */
  durationS: number;
  durationBytes: Uint8Array;
  /** The last numbered URI: its pieces, its line, and the offset of the number in the line. */
  folder: string;
  ending: string;
  number: number;
  uriBytes: Uint8Array;
  numberAt: number;
  numberEnd: number;
  /** Day since 1970, and EXT-X-PROGRAM-DATE-TIME up to the `T`. */
  day: number;
  dateBytes: Uint8Array;
}

/** Writes EXT-X-KEY where the keys change (4.4.4.4). */
function printKeys(writer: TextWriter, keys: readonly KeyTag[], before: InForce): void {
  if (sameKeys(before.keys, keys)) return;
  if (keys.length === 0) writer.line('#EXT-X-KEY:METHOD=NONE');
  else for (const key of keys) writer.line(`#EXT-X-KEY:${keyAttributes(key)}`);
  before.keys = keys;
}

function printSegment(writer: TextWriter, segment: PrintedSegment, before: InForce): void {
  if (segment.discontinuity) {
    writer.line('#EXT-X-DISCONTINUITY');
    before.hasDiscontinuity = true;
  }
  const keys = keysOf(segment);
  if (keys.length === 0) before.keys ??= CLEAR;
  const map = segment.map && !sameMap(before.map, segment.map) ? segment.map : undefined;
  // A key applies to the sections that are named after it: a clear one is named while none is in force.
  if (map && !map.key && keys.length > 0) printKeys(writer, CLEAR, before);
  else printKeys(writer, keys, before);
  if (map) {
    const range = map.byteRange ? `,BYTERANGE="${rangeText(map.byteRange)}"` : '';
    writer.line(`#EXT-X-MAP:URI=${quoted(map.uri, true)}${range}`);
    before.map = map;
  }
  printKeys(writer, keys, before);
  if (segment.programDateTimeMs !== undefined) printDate(writer, segment.programDateTimeMs, before);
  for (const part of segment.parts) writer.line(partLine(part));
  if (segment.uri === '') return;
  if (segment.bitrateKbps !== undefined && segment.bitrateKbps !== before.bitrateKbps) {
    writer.line(`#EXT-X-BITRATE:${Math.round(segment.bitrateKbps)}`);
    before.bitrateKbps = segment.bitrateKbps;
  }
  if (segment.gap) {
    writer.line('#EXT-X-GAP');
    before.hasGap = true;
  }
  if (segment.byteRange) writer.line(`#EXT-X-BYTERANGE:${rangeText(segment.byteRange)}`);
  if (segment.durationS !== before.durationS) {
    before.durationS = segment.durationS;
    before.durationBytes = new TextEncoder().encode(`#EXTINF:${segment.durationS.toFixed(5)},`);
  }
  writer.raw(before.durationBytes);
  if (segment.title !== undefined) writer.text(segment.title.replace(/[\r\n]/g, ' '));
  writer.newLine();
  const { uri } = segment;
  if (typeof uri === 'string') writer.line(uriLine(uri));
  else printNumbered(writer, uri, before);
}

function printNumbered(writer: TextWriter, { folder, number, ending }: NumberedUri, before: InForce): void {
  // Numbers follow each other: one is counted up in the line before.
  const continues = number === before.number + 1 && folder === before.folder && ending === before.ending;
  if (!continues || !countUp(before.uriBytes, before.numberAt, before.numberEnd)) {
    const line = new TextEncoder().encode(`${uriLine(folder)}${number}${ending}\n`);
    before.folder = folder;
    before.ending = ending;
    before.uriBytes = line;
    before.numberEnd = line.length - new TextEncoder().encode(ending).length - 1;
    before.numberAt = before.numberEnd - String(number).length;
  }
  before.number = number;
  writer.raw(before.uriBytes);
}

/** Adds one to the decimal digits in [from, to); false where there would be one digit more. */
function countUp(line: Uint8Array, from: number, to: number): boolean {
  for (let i = to - 1; i >= from; i--) {
    if (line[i] !== NINE) {
      line[i]!++;
      return true;
    }
    line[i] = ZERO;
  }
  return false;
}

function printDate(writer: TextWriter, ms: number, before: InForce): void {
  const rounded = Math.round(ms);
  const day = Math.floor(rounded / DAY_MS);
  if (day !== before.day) {
    const date = new Date(day * DAY_MS).toISOString();
    before.dateBytes = new TextEncoder().encode(`#EXT-X-PROGRAM-DATE-TIME:${date.slice(0, date.indexOf('T') + 1)}`);
    before.day = day;
  }
  const inDay = rounded - day * DAY_MS;
  const second = Math.floor(inDay / 1000);
  const minute = Math.floor(second / 60);
  writer.raw(before.dateBytes);
  writer.digits(Math.floor(minute / 60), 2);
  writer.raw(COLON);
  writer.digits(minute % 60, 2);
  writer.raw(COLON);
  writer.digits(second % 60, 2);
  writer.raw(POINT);
  writer.digits(inDay % 1000, 3);
  writer.raw(ZULU);
}

function headLines(list: PrintedPlaylist, { hasDiscontinuity, hasGap }: InForce): string[] {
  const { targetDurationS } = list;
  const seconds = typeof targetDurationS === 'number' ? targetDurationS : targetDurationS();
  // EXT-X-GAP requires version 8 (section 8).
  const version = hasGap ? Math.max(8, list.version) : list.version;
  const lines = ['#EXTM3U', `#EXT-X-VERSION:${version}`, `#EXT-X-TARGETDURATION:${seconds}`];
  const control = list.serverControl && serverControlLine(list.serverControl);
  if (control) lines.push(control);
  if (list.partTargetS !== undefined) lines.push(`#EXT-X-PART-INF:PART-TARGET=${list.partTargetS.toFixed(5)}`);
  lines.push(`#EXT-X-MEDIA-SEQUENCE:${list.mediaSequence}`);
  // Said even where it is 0: renditions are matched by it (4.4.3.3).
  if (hasDiscontinuity || list.discontinuitySequence !== 0)
    lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${list.discontinuitySequence}`);
  if (list.playlistType) lines.push(`#EXT-X-PLAYLIST-TYPE:${list.playlistType}`);
  if (list.iFramesOnly) lines.push('#EXT-X-I-FRAMES-ONLY');
  if (list.independentSegments) lines.push('#EXT-X-INDEPENDENT-SEGMENTS');
  if (list.start) lines.push(startLine(list.start));
  if (list.skippedSegments !== undefined) lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${list.skippedSegments}`);
  return lines;
}

/** A URI that differs from its neighbors only in a number: printed without creating a string. */
export interface NumberedUri {
  readonly folder: string;
  /** Whole, 0 or more. */
  readonly number: number;
  readonly ending: string;
}

export type PrintedSegment = Omit<PlaylistSegment, 'uri'> & { readonly uri: string | NumberedUri };

/**
 * A Media Playlist whose segments may be made while they are printed: a day of them need not be in memory,
 * and each may come in the same object as the one before.
 */
export type PrintedPlaylist = Omit<MediaPlaylist, 'segments' | 'targetDurationS'> & {
  readonly segments: Iterable<PrintedSegment>;
  /** Whole seconds; a function is called after all segments have been printed. */
  readonly targetDurationS: number | (() => number);
};

/**
 * Prints a Media Playlist. Durations have five decimals, dates milliseconds and `Z`; EXT-X-MAP, EXT-X-KEY and
 * EXT-X-BITRATE are written where they change, and at the first segment after a skipped section. A Media
 * Initialization Section without a key is named while no key is in force.
 *
 * @param list seconds; `programDateTimeMs` is ms since 1970
 * @returns UTF-8
 * @throws RangeError when a date is outside the range of Date
 */
export function printMediaPlaylist(list: PrintedPlaylist): Uint8Array {
  const body = new TextWriter();
  const inForce: InForce = {
    hasDiscontinuity: false,
    hasGap: false,
    map: undefined,
    keys: list.skippedSegments === undefined ? CLEAR : undefined,
    bitrateKbps: undefined,
    durationS: Number.NaN,
    durationBytes: POINT,
    day: Number.NaN,
    dateBytes: POINT,
    folder: '',
    ending: '',
    number: Number.NaN,
    uriBytes: POINT,
    numberAt: 0,
    numberEnd: 0,
  };
  for (const segment of list.segments) printSegment(body, segment, inForce);
  for (const range of list.dateRanges ?? []) body.line(`#EXT-X-DATERANGE:${printDateRange(range)}`);
  const hint = list.preloadHint;
  if (hint) {
    let line = `#EXT-X-PRELOAD-HINT:TYPE=${hint.type},URI=${quoted(hint.uri, true)}`;
    if (hint.byteRangeStart !== undefined) line += `,BYTERANGE-START=${hint.byteRangeStart}`;
    if (hint.byteRangeLength !== undefined) line += `,BYTERANGE-LENGTH=${hint.byteRangeLength}`;
    body.line(line);
  }
  for (const report of list.renditionReports) {
    const part = report.lastPart === undefined ? '' : `,LAST-PART=${report.lastPart}`;
    body.line(`#EXT-X-RENDITION-REPORT:URI=${quoted(report.uri, true)},LAST-MSN=${report.lastMsn}${part}`);
  }
  if (list.endList) body.line('#EXT-X-ENDLIST');
  const head = new TextWriter();
  for (const line of headLines(list, inForce)) head.line(line);
  return body.finish(head);
}

function variantAttributes(variant: Variant | IFrameVariant): string {
  const full = variant as Partial<Variant>;
  const a: string[] = [`BANDWIDTH=${Math.ceil(variant.bandwidth)}`];
  if (variant.averageBandwidth !== undefined) a.push(`AVERAGE-BANDWIDTH=${Math.ceil(variant.averageBandwidth)}`);
  if (variant.score !== undefined) a.push(`SCORE=${variant.score}`);
  if (variant.codecs !== undefined) a.push(`CODECS=${quoted(variant.codecs)}`);
  if (variant.supplementalCodecs !== undefined) a.push(`SUPPLEMENTAL-CODECS=${quoted(variant.supplementalCodecs)}`);
  if (variant.resolution) a.push(`RESOLUTION=${variant.resolution.width}x${variant.resolution.height}`);
  if (full.frameRate !== undefined) a.push(`FRAME-RATE=${full.frameRate.toFixed(3)}`);
  if (variant.hdcpLevel !== undefined) a.push(`HDCP-LEVEL=${variant.hdcpLevel}`);
  if (variant.videoRange !== undefined) a.push(`VIDEO-RANGE=${variant.videoRange}`);
  if (variant.stableVariantId !== undefined) a.push(`STABLE-VARIANT-ID=${quoted(variant.stableVariantId)}`);
  if (full.audio !== undefined) a.push(`AUDIO=${quoted(full.audio)}`);
  if (variant.video !== undefined) a.push(`VIDEO=${quoted(variant.video)}`);
  if (full.subtitles !== undefined) a.push(`SUBTITLES=${quoted(full.subtitles)}`);
  if (full.closedCaptions !== undefined) {
    a.push(`CLOSED-CAPTIONS=${full.closedCaptions === 'NONE' ? 'NONE' : quoted(full.closedCaptions)}`);
  }
  if (variant.pathwayId !== undefined) a.push(`PATHWAY-ID=${quoted(variant.pathwayId)}`);
  if (variant.name !== undefined) a.push(`NAME=${quoted(variant.name)}`);
  return a.join();
}

function renditionLine(rendition: Rendition): string {
  const a = [`TYPE=${rendition.type}`, `GROUP-ID=${quoted(rendition.groupId)}`, `NAME=${quoted(rendition.name)}`];
  if (rendition.language !== undefined) a.push(`LANGUAGE=${quoted(rendition.language)}`);
  if (rendition.assocLanguage !== undefined) a.push(`ASSOC-LANGUAGE=${quoted(rendition.assocLanguage)}`);
  // DEFAULT=YES requires AUTOSELECT=YES if that attribute is present (4.4.6.1).
  if (rendition.default) a.push('DEFAULT=YES');
  if (rendition.autoselect || rendition.default) a.push('AUTOSELECT=YES');
  if (rendition.forced) a.push('FORCED=YES');
  if (rendition.instreamId !== undefined) a.push(`INSTREAM-ID=${quoted(rendition.instreamId)}`);
  if (rendition.characteristics !== undefined) a.push(`CHARACTERISTICS=${quoted(rendition.characteristics)}`);
  if (rendition.channels !== undefined) a.push(`CHANNELS=${quoted(rendition.channels)}`);
  if (rendition.stableRenditionId !== undefined) a.push(`STABLE-RENDITION-ID=${quoted(rendition.stableRenditionId)}`);
  if (rendition.pathwayId !== undefined) a.push(`PATHWAY-ID=${quoted(rendition.pathwayId)}`);
  if (rendition.uri !== undefined) a.push(`URI=${quoted(rendition.uri, true)}`);
  return `#EXT-X-MEDIA:${a.join()}`;
}

function sessionDataLine({ dataId, value, uri, language }: SessionData): string {
  const a = [`DATA-ID=${quoted(dataId)}`];
  if (value !== undefined) a.push(`VALUE=${quoted(value)}`);
  if (uri !== undefined) a.push(`URI=${quoted(uri, true)}`);
  if (language !== undefined) a.push(`LANGUAGE=${quoted(language)}`);
  return `#EXT-X-SESSION-DATA:${a.join()}`;
}

function steeringLine({ serverUri, pathwayId }: ContentSteering): string {
  const pathway = pathwayId === undefined ? '' : `,PATHWAY-ID=${quoted(pathwayId)}`;
  return `#EXT-X-CONTENT-STEERING:SERVER-URI=${quoted(serverUri, true)}${pathway}`;
}

/**
 * Prints a Multivariant Playlist; bandwidths are rounded up to whole bit/s, frame rates have three decimals.
 */
export function printMultivariantPlaylist(list: MultivariantPlaylist): string {
  const lines = ['#EXTM3U', `#EXT-X-VERSION:${list.version}`];
  if (list.independentSegments) lines.push('#EXT-X-INDEPENDENT-SEGMENTS');
  if (list.start) lines.push(startLine(list.start));
  if (list.contentSteering) lines.push(steeringLine(list.contentSteering));
  for (const datum of list.sessionData ?? []) lines.push(sessionDataLine(datum));
  for (const key of list.sessionKeys ?? []) lines.push(`#EXT-X-SESSION-KEY:${keyAttributes(key)}`);
  for (const rendition of list.renditions) lines.push(renditionLine(rendition));
  for (const variant of list.variants) {
    lines.push(`#EXT-X-STREAM-INF:${variantAttributes(variant)}`, uriLine(variant.uri));
  }
  for (const variant of list.iFrameVariants ?? []) {
    lines.push(`#EXT-X-I-FRAME-STREAM-INF:${variantAttributes(variant)},URI=${quoted(variant.uri, true)}`);
  }
  lines.push('');
  return lines.join('\n');
}

/**
 * A Media Playlist as the checker reads it: every segment and part with its number, its tags and its line.
 * In: text and URL. Out: a value that also holds what is wrong. Never throws. RFC 8216bis 4.4.3 to 4.4.5.
 */
import { decimal, integer, type Line, type Lines, readLines } from './lines.ts';

/** A Partial Segment. */
export interface TextPart {
  readonly line: number;
  readonly uri: string;
  /** Seconds. */
  readonly durationS: number;
  readonly independent: boolean;
  readonly gap: boolean;
}

/** A Media Segment; `uri` is empty for the one that is not complete. */
export interface TextSegment {
  /** Of the URI, or of the first tag. */
  readonly line: number;
  readonly msn: number;
  readonly discontinuitySequence: number;
  readonly uri: string;
  /** Seconds; NaN without a good EXTINF. */
  readonly durationS: number;
  /** Tags of the segment as they stand, EXTINF among them, PART and MAP not. */
  readonly tags: readonly Line[];
  readonly discontinuity: boolean;
  readonly gap: boolean;
  /** The date tag of this segment, unparsed. */
  readonly dateText: string | undefined;
  /** ms since 1970: of the tag, or carried on from the last one; NaN before the first. */
  readonly dateMs: number;
  /** URI of the Media Initialization Section in force. */
  readonly map: string | undefined;
  readonly parts: readonly TextPart[];
}

/** A Media Playlist. */
export interface MediaText {
  readonly url: string;
  readonly text: string;
  readonly read: Lines;
  readonly version: number;
  /** Seconds; NaN where it is missing. */
  readonly targetDurationS: number;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly playlistType: string | undefined;
  readonly ended: boolean;
  /** Seconds. */
  readonly partTargetS: number | undefined;
  /** Attributes of EXT-X-SERVER-CONTROL. */
  readonly control: Line['attributes'];
  /** SKIPPED-SEGMENTS; 0 without EXT-X-SKIP. */
  readonly skipped: number;
  /** Complete ones. */
  readonly segments: readonly TextSegment[];
  /** The parts behind the last complete segment; undefined where there are none. */
  readonly open: TextSegment | undefined;
  readonly hints: readonly Line[];
  readonly reports: readonly Line[];
}

/** Tags that belong to the next segment. */
const OF_SEGMENT = new Set([
  ...['EXTINF', 'EXT-X-BYTERANGE', 'EXT-X-DISCONTINUITY', 'EXT-X-PROGRAM-DATE-TIME', 'EXT-X-GAP', 'EXT-X-BITRATE'],
  'EXT-X-KEY',
]);

const PLAIN_NAME = /^[\w-][\w.-]*$/;
const PLAIN_PATH = /^(?:\/[\w-][\w.-]*)+$/;

/** Reads a Media Playlist. */
export function readMedia(url: string, text: string): MediaText {
  const read = readLines(text);
  const { lines } = read;
  const first = (tag: string) => lines.find((line) => line.tag === tag);
  const skip = first('EXT-X-SKIP');
  const skipped = skip ? integer(skip.attributes.get('SKIPPED-SEGMENTS')?.text) || 0 : 0;
  const mediaSequence = integer(first('EXT-X-MEDIA-SEQUENCE')?.value ?? '0');
  const discontinuitySequence = integer(first('EXT-X-DISCONTINUITY-SEQUENCE')?.value ?? '0');
  const partInf = first('EXT-X-PART-INF');
  const { segments, open } = readSegments(lines, mediaSequence + skipped, discontinuitySequence);
  return {
    url,
    text,
    read,
    version: integer(first('EXT-X-VERSION')?.value ?? '1'),
    targetDurationS: integer(first('EXT-X-TARGETDURATION')?.value),
    mediaSequence,
    discontinuitySequence,
    playlistType: first('EXT-X-PLAYLIST-TYPE')?.value,
    ended: first('EXT-X-ENDLIST') !== undefined,
    partTargetS: partInf && decimal(partInf.attributes.get('PART-TARGET')?.text),
    control: first('EXT-X-SERVER-CONTROL')?.attributes ?? new Map(),
    skipped,
    segments,
    open,
    hints: lines.filter((line) => line.tag === 'EXT-X-PRELOAD-HINT'),
    reports: lines.filter((line) => line.tag === 'EXT-X-RENDITION-REPORT'),
  };
}

function readSegments(
  lines: readonly Line[],
  firstMsn: number,
  firstSequence: number,
): { segments: TextSegment[]; open: TextSegment | undefined } {
  const segments: TextSegment[] = [];
  let tags: Line[] = [];
  let parts: TextPart[] = [];
  let map: string | undefined;
  let sequence = firstSequence;
  let nextDateMs = Number.NaN;
  const close = (line: number, uri: string): TextSegment => {
    const find = (name: string) => tags.find(({ tag }) => tag === name);
    const discontinuity = find('EXT-X-DISCONTINUITY') !== undefined;
    if (discontinuity) sequence += 1;
    const dateText = find('EXT-X-PROGRAM-DATE-TIME')?.value;
    const dateMs = dateText === undefined ? nextDateMs : Date.parse(dateText);
    const durationS = decimal(/^([\d.]+),/.exec(find('EXTINF')?.value ?? '')?.[1]);
    nextDateMs = dateMs + durationS * 1000;
    const segment: TextSegment = {
      line,
      uri,
      durationS,
      tags,
      discontinuity,
      dateText,
      dateMs,
      map,
      parts,
      msn: firstMsn + segments.length,
      discontinuitySequence: sequence,
      gap: find('EXT-X-GAP') !== undefined,
    };
    tags = [];
    parts = [];
    return segment;
  };
  for (const line of lines) {
    if (line.tag === undefined) segments.push(close(line.number, line.text));
    else if (line.tag === 'EXT-X-MAP') map = line.attributes.get('URI')?.text;
    else if (line.tag === 'EXT-X-PART') parts.push(readPart(line));
    else if (OF_SEGMENT.has(line.tag)) tags.push(line);
  }
  const at = parts[0]?.line ?? 0;
  return { segments, open: parts.length > 0 ? close(at, '') : undefined };
}

function readPart({ number, attributes }: Line): TextPart {
  return {
    line: number,
    uri: attributes.get('URI')?.text ?? '',
    durationS: decimal(attributes.get('DURATION')?.text),
    independent: attributes.get('INDEPENDENT')?.text === 'YES',
    gap: attributes.get('GAP')?.text === 'YES',
  };
}

/** Complete segments and the open one. */
export function allSegments(list: MediaText): readonly TextSegment[] {
  return list.open ? [...list.segments, list.open] : list.segments;
}

/** What changes no more and may still grow: no ENDLIST and no type. */
export function isLive({ ended, playlistType }: MediaText): boolean {
  return !ended && playlistType === undefined;
}

/** How a segment is called in findings. */
export function nameOf(segment: TextSegment): string {
  return `segment ${segment.msn}${segment.uri === '' ? ' (open)' : ''}`;
}

/** A URI of a list, relative to where the list was. */
export function resolve(uri: string, url: string): string {
  // Nearly all of them: a name without folders in a list without a query.
  if (PLAIN_NAME.test(uri) && PLAIN_PATH.test(url)) return url.slice(0, url.lastIndexOf('/') + 1) + uri;
  const base = new URL(url, 'http://checker.invalid');
  const whole = new URL(uri, base);
  return whole.host === 'checker.invalid' ? whole.pathname + whole.search : whole.href;
}

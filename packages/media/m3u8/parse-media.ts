/**
 * Reads a Media Playlist.
 * In: its lines. Out: a MediaPlaylist. Pure. RFC 8216bis 4.4.2 to 4.4.5.
 */
import { FormatError } from '../errors.ts';
import { type Attributes, parseAttributes, parseByteRange, parseFloatText, parseInteger } from './attributes.ts';
import { mergeDateRange, parseDateRange } from './date-range.ts';
import { parseDateTime } from './date-time.ts';
import type { Line } from './lines.ts';
import type {
  ByteRange,
  DateRangeTag,
  KeyTag,
  MapTag,
  MediaPlaylist,
  PlaylistPart,
  PlaylistSegment,
  PreloadHint,
  RenditionReport,
  ServerControl,
  StartTag,
} from './playlist.ts';
import { type VariableSources, Variables } from './variables.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** A day: no segment is longer. */
const MAX_DURATION_S = 86_400;
/** EXT-X-DATERANGEs of a list that are taken; more are left out. */
const MAX_DATE_RANGES = 1000;
/** KEYFORMAT if absent. */
const IDENTITY = 'identity';
/** KEYFORMATs in force at a time. */
const MAX_KEYS = 16;

/**
 * @param lines of one playlist
 * @throws FormatError for a malformed playlist; unknown tags are skipped
 */
export function parseMediaLines(lines: readonly Line[], sources: VariableSources): MediaPlaylist {
  const parser = new MediaParser(sources);
  for (const line of lines) parser.line(line);
  return parser.end();
}

/** Takes lines one after the other; more may follow after `end` has returned the playlist so far. */
export class MediaParser {
  readonly #variables: Variables;
  readonly #segments: PlaylistSegment[] = [];
  readonly #reports: RenditionReport[] = [];
  /** By ID; later tags of one add to it. */
  readonly #dateRanges = new Map<string, DateRangeTag>();
  #list: Writable<Partial<MediaPlaylist>> = {};
  #targetDurationS: number | undefined;
  // In force until changed.
  #map: MapTag | undefined;
  /** By KEYFORMAT. */
  readonly #keys = new Map<string, KeyTag>();
  #bitrateKbps: number | undefined;
  // Of the segment whose URI has not come yet.
  #next: Writable<Partial<PlaylistSegment>> = {};
  #range: { readonly text: string; readonly offset: number } | undefined;
  #parts: PlaylistPart[] = [];
  // Offset of a BYTERANGE without one.
  #lastRange: { readonly uri: string; readonly end: number } | undefined;
  #lastPartRange: { readonly uri: string; readonly end: number } | undefined;

  constructor(sources: VariableSources) {
    this.#variables = new Variables(sources);
  }

  #attributes(line: Line): Attributes {
    return parseAttributes(line.value, line.tag, line.offset, (value) =>
      this.#variables.substitute(value, line.offset),
    );
  }

  #lines = 0;

  /** How many lines were taken. */
  get lines(): number {
    return this.#lines;
  }

  /** The meaning of the lines depends on more than themselves. */
  get hasVariables(): boolean {
    return this.#variables.values.size > 0;
  }

  /** @throws FormatError for a malformed line; the parser must not be used after that */
  line(line: Line): void {
    this.#lines += 1;
    if (line.tag === '') this.#uri(line);
    else this.#tag(line);
  }

  #tag(line: Line): void {
    const { tag, value, offset } = line;
    switch (tag) {
      case '#EXTINF': {
        const comma = value.indexOf(',');
        const text = comma < 0 ? value : value.slice(0, comma).trim();
        const durationS = parseFloatText(text, 'EXTINF', offset);
        if (durationS > MAX_DURATION_S) throw new FormatError('EXTINF is longer than a day', offset);
        this.#next.durationS = durationS;
        const title = comma < 0 ? '' : value.slice(comma + 1).trim();
        if (title !== '') this.#next.title = title;
        return;
      }
      case '#EXT-X-PART':
        this.#part(this.#attributes(line), offset);
        return;
      case '#EXT-X-PROGRAM-DATE-TIME': {
        const ms = parseDateTime(value);
        if (ms !== undefined) this.#next.programDateTimeMs = ms;
        return;
      }
      case '#EXT-X-DISCONTINUITY':
        this.#next.discontinuity = true;
        return;
      case '#EXT-X-GAP':
        this.#next.gap = true;
        return;
      case '#EXT-X-BYTERANGE':
        this.#range = { text: value, offset };
        return;
      case '#EXT-X-MAP':
        this.#map = parseMap(this.#attributes(line), offset, this.#key);
        return;
      case '#EXT-X-KEY': {
        this.#setKey(parseKey(this.#attributes(line)), offset);
        return;
      }
      case '#EXT-X-BITRATE':
        this.#bitrateKbps = parseInteger(value, tag, offset);
        return;
      default:
        this.#listTag(line);
    }
  }

  /** Tags that stand once in a list. */
  #listTag(line: Line): void {
    const { tag, value, offset } = line;
    const list = this.#list;
    switch (tag) {
      case '#EXT-X-VERSION':
        list.version = parseInteger(value, tag, offset);
        return;
      case '#EXT-X-TARGETDURATION':
        this.#targetDurationS = Math.ceil(parseFloatText(value, tag, offset));
        if (this.#targetDurationS > MAX_DURATION_S) throw new FormatError('EXT-X-TARGETDURATION is too long', offset);
        return;
      case '#EXT-X-MEDIA-SEQUENCE':
        list.mediaSequence = parseInteger(value, tag, offset);
        return;
      case '#EXT-X-DISCONTINUITY-SEQUENCE':
        list.discontinuitySequence = parseInteger(value, tag, offset);
        return;
      case '#EXT-X-PLAYLIST-TYPE':
        if (value === 'EVENT' || value === 'VOD') list.playlistType = value;
        return;
      case '#EXT-X-ENDLIST':
        list.endList = true;
        return;
      case '#EXT-X-I-FRAMES-ONLY':
        list.iFramesOnly = true;
        return;
      case '#EXT-X-INDEPENDENT-SEGMENTS':
        list.independentSegments = true;
        return;
      case '#EXT-X-START':
        list.start = parseStart(this.#attributes(line), offset);
        return;
      case '#EXT-X-PART-INF': {
        const target = this.#attributes(line).float('PART-TARGET');
        if (target !== undefined) list.partTargetS = target;
        return;
      }
      case '#EXT-X-SERVER-CONTROL':
        list.serverControl = parseServerControl(this.#attributes(line));
        return;
      case '#EXT-X-SKIP': {
        const skipped = this.#attributes(line).integer('SKIPPED-SEGMENTS');
        if (skipped !== undefined) list.skippedSegments = skipped;
        return;
      }
      case '#EXT-X-PRELOAD-HINT': {
        const hint = parsePreloadHint(this.#attributes(line));
        if (hint) list.preloadHint = hint;
        return;
      }
      case '#EXT-X-DATERANGE':
        this.#dateRange(line);
        return;
      case '#EXT-X-RENDITION-REPORT':
        this.#reports.push(parseRenditionReport(this.#attributes(line)));
        return;
      case '#EXT-X-DEFINE':
        this.#variables.define(this.#attributes(line), offset);
        return;
      default:
    }
  }

  /** A malformed one is ignored. */
  #dateRange({ value, offset }: Line): void {
    try {
      const range = parseDateRange(value, offset, (text) => this.#variables.substitute(text, offset));
      const before = this.#dateRanges.get(range.id);
      const { startDateMs } = range;
      if (before) this.#dateRanges.set(range.id, mergeDateRange(before, range));
      else if (startDateMs !== undefined && this.#dateRanges.size < MAX_DATE_RANGES) {
        this.#dateRanges.set(range.id, { ...range, startDateMs });
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
  }

  #part(attributes: Attributes, offset: number): void {
    const uri = attributes.need('URI');
    const durationS = attributes.float('DURATION');
    if (durationS === undefined) throw new FormatError('EXT-X-PART has no DURATION', offset);
    const rangeText = attributes.text('BYTERANGE');
    let byteRange: ByteRange | undefined;
    if (rangeText !== undefined) {
      const next = this.#lastPartRange?.uri === uri ? this.#lastPartRange.end : undefined;
      byteRange = parseByteRange(rangeText, next, 'BYTERANGE of EXT-X-PART', offset);
      this.#lastPartRange = { uri, end: byteRange.offset + byteRange.length };
    }
    this.#parts.push({
      uri,
      durationS,
      independent: attributes.yes('INDEPENDENT'),
      gap: attributes.yes('GAP'),
      ...(byteRange && { byteRange }),
    });
  }

  /** It holds until the next one with the same KEYFORMAT, or NONE (4.4.4.4). */
  #setKey(key: KeyTag, offset: number): void {
    if (key.method === 'NONE') {
      this.#keys.clear();
      return;
    }
    const format = key.keyFormat ?? IDENTITY;
    this.#keys.delete(format);
    this.#keys.set(format, key);
    if (this.#keys.size > MAX_KEYS) throw new FormatError('a segment has too many keys', offset);
  }

  get #key(): KeyTag | undefined {
    return this.#keys.get(IDENTITY) ?? [...this.#keys.values()].at(-1);
  }

  #keysInForce(): Pick<PlaylistSegment, 'key' | 'keys'> {
    const key = this.#key;
    if (!key) return {};
    return this.#keys.size === 1 ? { key } : { key, keys: [...this.#keys.values()] };
  }

  #uri(line: Line): void {
    if (this.#next.durationS === undefined) throw new FormatError('a segment has no EXTINF', line.offset);
    const uri = this.#variables.substitute(line.value, line.offset);
    let byteRange: ByteRange | undefined;
    if (this.#range) {
      const next = this.#lastRange?.uri === uri ? this.#lastRange.end : undefined;
      byteRange = parseByteRange(this.#range.text, next, 'EXT-X-BYTERANGE', this.#range.offset);
      this.#lastRange = { uri, end: byteRange.offset + byteRange.length };
    } else {
      this.#lastRange = undefined;
    }
    this.#segments.push(this.#segment(uri, this.#next.durationS, byteRange));
    this.#next = {};
    this.#range = undefined;
    this.#parts = [];
  }

  #segment(uri: string, durationS: number, byteRange?: ByteRange): PlaylistSegment {
    const { title, programDateTimeMs } = this.#next;
    const segment: Writable<PlaylistSegment> = {
      uri,
      durationS,
      discontinuity: this.#next.discontinuity ?? false,
      gap: this.#next.gap ?? false,
      parts: this.#parts,
    };
    // Playlists may have tens of thousands of segments: no object is created only for a spread.
    if (title !== undefined) segment.title = title;
    if (programDateTimeMs !== undefined) segment.programDateTimeMs = programDateTimeMs;
    if (this.#map) segment.map = this.#map;
    if (this.#keys.size > 0) Object.assign(segment, this.#keysInForce());
    if (byteRange) segment.byteRange = byteRange;
    if (this.#bitrateKbps !== undefined) segment.bitrateKbps = this.#bitrateKbps;
    return segment;
  }

  /** The playlist of the lines so far. */
  end(): MediaPlaylist {
    const segments = [...this.#segments];
    if (this.#parts.length > 0) segments.push({ ...this.#segment('', 0), parts: [...this.#parts] });
    const longestS = segments.reduce((most, { durationS }) => Math.max(most, durationS), 0);
    // The tag is required (4.4.3.1), but a list without it can still be followed.
    const targetDurationS = this.#targetDurationS || Math.max(1, Math.round(longestS));
    const { playlistType, partTargetS, serverControl, skippedSegments, preloadHint, start } = this.#list;
    return {
      version: this.#list.version ?? 1,
      targetDurationS,
      ...(partTargetS !== undefined && { partTargetS }),
      ...(serverControl && { serverControl }),
      mediaSequence: this.#list.mediaSequence ?? 0,
      discontinuitySequence: this.#list.discontinuitySequence ?? 0,
      independentSegments: this.#list.independentSegments ?? false,
      ...(playlistType && { playlistType }),
      endList: this.#list.endList ?? false,
      segments,
      ...(skippedSegments !== undefined && { skippedSegments }),
      ...(this.#dateRanges.size > 0 && { dateRanges: [...this.#dateRanges.values()] }),
      ...(preloadHint && { preloadHint }),
      renditionReports: [...this.#reports],
      iFramesOnly: this.#list.iFramesOnly ?? false,
      ...(start && { start }),
    };
  }
}

function parseMap(attributes: Attributes, offset: number, key: KeyTag | undefined): MapTag {
  const range = attributes.text('BYTERANGE');
  return {
    uri: attributes.need('URI'),
    ...(range !== undefined && { byteRange: parseByteRange(range, 0, 'BYTERANGE of EXT-X-MAP', offset) }),
    ...(key && { key }),
  };
}

/**
 * The attributes of EXT-X-KEY and EXT-X-SESSION-KEY.
 *
 * @throws FormatError without METHOD
 */
export function parseKey(attributes: Attributes): KeyTag {
  const uri = attributes.text('URI');
  const iv = attributes.text('IV')?.replace(/^0x/i, '');
  const keyFormat = attributes.text('KEYFORMAT');
  const keyFormatVersions = attributes.text('KEYFORMATVERSIONS');
  return {
    method: attributes.need('METHOD'),
    ...(uri !== undefined && { uri }),
    ...(iv !== undefined && { iv }),
    ...(keyFormat !== undefined && { keyFormat }),
    ...(keyFormatVersions !== undefined && { keyFormatVersions }),
  };
}

/**
 * The attributes of EXT-X-START.
 *
 * @throws FormatError without TIME-OFFSET
 */
export function parseStart(attributes: Attributes, offset: number): StartTag {
  const timeOffsetS = attributes.float('TIME-OFFSET', true);
  if (timeOffsetS === undefined) throw new FormatError('EXT-X-START has no TIME-OFFSET', offset);
  return { timeOffsetS, precise: attributes.yes('PRECISE') };
}

function parseServerControl(attributes: Attributes): ServerControl {
  const holdBackS = attributes.float('HOLD-BACK');
  const partHoldBackS = attributes.float('PART-HOLD-BACK');
  const canSkipUntilS = attributes.float('CAN-SKIP-UNTIL');
  return {
    canBlockReload: attributes.yes('CAN-BLOCK-RELOAD'),
    ...(holdBackS !== undefined && { holdBackS }),
    ...(partHoldBackS !== undefined && { partHoldBackS }),
    ...(canSkipUntilS !== undefined && { canSkipUntilS }),
  };
}

function parsePreloadHint(attributes: Attributes): PreloadHint | undefined {
  const type = attributes.need('TYPE');
  if (type !== 'PART' && type !== 'MAP') return undefined;
  const byteRangeStart = attributes.integer('BYTERANGE-START');
  const byteRangeLength = attributes.integer('BYTERANGE-LENGTH');
  return {
    type,
    uri: attributes.need('URI'),
    ...(byteRangeStart !== undefined && { byteRangeStart }),
    ...(byteRangeLength !== undefined && { byteRangeLength }),
  };
}

function parseRenditionReport(attributes: Attributes): RenditionReport {
  const lastPart = attributes.integer('LAST-PART');
  return {
    uri: attributes.need('URI'),
    lastMsn: attributes.integer('LAST-MSN') ?? 0,
    ...(lastPart !== undefined && { lastPart }),
  };
}

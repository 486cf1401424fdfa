/**
 * The HLS Media Playlist of a rendition, live or past, of fragmented MP4, WebVTT or MPEG-TS.
 * In: a presentation. Out: a value for media/m3u8/print, whose segments are created while they are printed.
 * RFC 8216bis 3.1, 4.4.3 to 4.4.5, 6.2 and appendix B; docs/media.md 14 to 17 and 34. Pure.
 */
import type { Track } from '@oxbow/media/frame';
import type {
  ByteRange,
  KeyTag,
  MapTag,
  PlaylistPart,
  RenditionReport,
  ServerControl,
} from '@oxbow/media/m3u8/playlist';
import type { NumberedUri, PrintedPlaylist, PrintedSegment } from '@oxbow/media/m3u8/print';
import {
  durationOf,
  type LiveEdge,
  mediaOf,
  type PartEdge,
  type PartName,
  type Presentation,
  type PresentationPart,
  type PresentationSegment,
  startOf,
} from '@oxbow/media/presentation';
import { isSubtitle, type Rendition, renditionFor, renditionsOf, TS } from '@oxbow/media/rendition-set';
import { ticksToUs } from '@oxbow/media/run';
import type { Init } from '@oxbow/media/segment';
import type { Protection, ProtectionOf } from './protection.ts';

/** Version of decimal durations; players of MPEG-TS may not support a later one (RFC 8216bis 8). */
const VERSION_OF_TS = 3;
/**
 * Durations of segments in playlists with parts are reduced by this: hls.js compares the end of its buffer
 * with the segment's end without tolerance; if they differ by rounding, it discards the next parts and stalls
 * for seconds.
 */
const SHORT_BY_S = 0.001;
const MINUTE_US = 60_000_000;
const NO_PARTS: readonly PlaylistPart[] = [];

/** URLs and directives of a playlist. */
interface HlsMediaOptions<Segment> {
  /** Folder of a rendition's segments relative to the playlist: empty, or with a slash at its end. */
  readonly folderOf: (renditionId: string) => string;
  /**
   * Where a file has the bytes of a rendition in a segment, which is then listed as a range of the file;
   * undefined if they are not in one piece.
   */
  readonly placeOf?: ((segment: Segment, rendition: Rendition) => ByteRange | undefined) | undefined;
  /** How segments are encrypted; absent: they are clear. */
  readonly protectionOf?: ProtectionOf | undefined;
  /** A Playlist Delta Update is requested (`_HLS_skip=YES`). */
  readonly skip?: boolean;
}

/** The Media Playlist of one rendition. */
export function hlsMediaPlaylist<Segment extends PresentationSegment>(
  presentation: Presentation<Segment>,
  renditionId: string,
  { folderOf, placeOf, protectionOf: given, skip = false }: HlsMediaOptions<Segment>,
): PrintedPlaylist {
  const { live, ended, fixed = false, targetDurationS, dateRanges } = presentation;
  const isTs = renditionId === TS;
  const isText = isSubtitle(renditionId);
  const protectionOf = isText ? given && textProtection(given) : given;
  // MPEG-TS and subtitles have complete segments only.
  const parts = isTs || isText ? undefined : live?.parts;
  const rendition = live && renditionFor(presentation.describe().tracks, renditionId);
  const skipped = (skip && live?.skippable()) || 0;
  const longest = { s: targetDurationS };
  const partTargetS = rendition && parts?.targetOf(rendition);
  const next = parts && rendition && !ended ? hintedOf(parts, rendition, protectionOf) : undefined;
  return {
    version: isTs ? VERSION_OF_TS : skipped > 0 ? 9 : 6,
    targetDurationS: live ? targetDurationS : () => longest.s,
    ...(partTargetS !== undefined && { partTargetS }),
    ...(live && { serverControl: serverControlOf(live, parts, isTs) }),
    mediaSequence: presentation.mediaSequence,
    discontinuitySequence: presentation.discontinuitySequence,
    independentSegments: false,
    ...(!live && { playlistType: fixed ? 'VOD' : 'EVENT' }),
    endList: ended,
    segments: {
      [Symbol.iterator]: () =>
        listSegments(presentation, renditionId, layoutsOf(renditionId, folderOf), {
          parts,
          skipped,
          longest,
          placeOf: isTs || isText || protectionOf ? undefined : placeOf,
          protectionOf,
        }),
    },
    ...(skipped > 0 && { skippedSegments: skipped }),
    ...(!isText && { dateRanges }),
    ...(next && { preloadHint: { type: 'PART', uri: hintUri(folderOf(renditionId), next, protectionOf) } }),
    renditionReports: live && parts && !ended ? reportsOf(presentation, live, parts, renditionId) : [],
    iFramesOnly: false,
  };
}

/** Common encryption leaves subtitles clear. */
function textProtection(protectionOf: ProtectionOf): ProtectionOf {
  return (msn) => {
    const protection = protectionOf(msn);
    return protection?.common ? undefined : protection;
  };
}

/**
 * The next part, if it has the key that is in force at the end of the list: a player that loads a hinted part
 * decrypts it with that one. The first part of another key is listed when it is there.
 */
function hintedOf(parts: PartEdge, rendition: Rendition, protectionOf: ProtectionOf | undefined): PartName | undefined {
  const next = parts.nextOf(rendition);
  const last = protectionOf && parts.lastOf(rendition);
  if (!next || !last || last.msn === next.msn) return next;
  return protectionOf(last.msn)?.folder === protectionOf(next.msn)?.folder ? next : undefined;
}

function hintUri(folder: string, { msn, part }: PartName, protectionOf: ProtectionOf | undefined): string {
  return partUri(`${folder}${protectionOf?.(msn)?.folder ?? ''}`, msn, part);
}

function serverControlOf(live: LiveEdge, parts: PartEdge | undefined, isTs: boolean): ServerControl {
  const { canBlockReload, holdBackS, canSkipUntilS } = live;
  if (isTs) return { canBlockReload: false, holdBackS };
  return {
    canBlockReload,
    holdBackS,
    canSkipUntilS,
    ...(parts?.holdBackS !== undefined && { partHoldBackS: parts.holdBackS }),
  };
}

/** The newest part of the other renditions (4.4.5.4). */
function reportsOf(
  presentation: Presentation,
  { generation, beside = [] }: LiveEdge,
  parts: PartEdge,
  renditionId: string,
): RenditionReport[] {
  const reports = renditionsOf(presentation.describe().tracks).all.flatMap((other) => {
    const last = other.id === renditionId ? undefined : parts.lastOf(other);
    return last ? [{ rendition: other.id, last }] : [];
  });
  return [...reports, ...beside].map(({ rendition, last }) => ({
    uri: `../${rendition}/g${generation}.m3u8`,
    lastMsn: last.msn,
    lastPart: last.part,
  }));
}

/** The common values of segments with the same init section. */
interface InitLayout {
  readonly rendition: Rendition | undefined;
  /** The track that determines their times; undefined if the rendition is absent. */
  readonly lead: Track | undefined;
  /**
   * A segment without media of these tracks is a GAP; undefined for subtitles, which have a file for each
   * segment (3.1.4).
   */
  readonly needed: readonly Track[] | undefined;
  readonly folder: string;
  readonly map: MapTag | undefined;
}

/** Finds the layout of a segment; most share the init section of the segment before. */
function layoutsOf(
  renditionId: string,
  folderOf: (renditionId: string) => string,
): (segment: PresentationSegment) => InitLayout {
  const layouts = new Map<Init | undefined, InitLayout>();
  let layout: InitLayout | undefined;
  let of: Init | undefined;
  const find = (init: Init | undefined): InitLayout => {
    const rendition = init && renditionFor(init.tracks, renditionId);
    const folder = folderOf(rendition?.id ?? renditionId);
    const lead = rendition?.tracks[0];
    if (isSubtitle(renditionId)) return { rendition, lead, needed: undefined, folder, map: undefined };
    if (renditionId === TS) return { rendition, lead, needed: rendition?.tracks ?? [], folder, map: undefined };
    const map = rendition && { uri: `${folder}init-${init.number}.mp4` };
    return { rendition, lead, needed: lead ? [lead] : [], folder, map };
  };
  return ({ init }) => {
    if (!layout || of !== init) {
      layout = layouts.get(init) ?? find(init);
      layouts.set(init, layout);
      of = init;
    }
    return layout;
  };
}

/** One object that is filled for each segment: a day has 43,200. */
interface ListedSegment extends PrintedSegment {
  readonly uri: NumberedUri & { folder: string; number: number; ending: string };
  parts: readonly PlaylistPart[];
  durationS: number;
  discontinuity: boolean;
  programDateTimeMs: number | undefined;
  gap: boolean;
  map?: MapTag;
  byteRange?: ByteRange;
  keys?: readonly KeyTag[];
}

/** How segments are listed. */
interface ListOptions<Segment> {
  readonly parts: PartEdge | undefined;
  /** Segments that a delta update skips. */
  readonly skipped: number;
  /** Raised by longer segments, seconds. */
  readonly longest: { s: number };
  readonly placeOf: HlsMediaOptions<Segment>['placeOf'];
  readonly protectionOf: ProtectionOf | undefined;
}

function* listSegments<Segment extends PresentationSegment>(
  { segments, sparseDates, undated }: Presentation<Segment>,
  renditionId: string,
  layoutOf: (segment: PresentationSegment) => InitLayout,
  { parts: edge, skipped, longest, placeOf, protectionOf }: ListOptions<Segment>,
): Generator<PrintedSegment> {
  let left = skipped;
  let datedMinute = -1;
  let listed: ListedSegment | undefined;
  for (const segment of segments) {
    if (left-- > 0) continue;
    const layout = layoutOf(segment);
    const { lead, rendition } = layout;
    const protection = protectionOf?.(segment.msn);
    const folder = protection ? layout.folder + protection.folder : layout.folder;
    const inParts = edge && rendition && segment.partsOf?.(rendition);
    const parts = inParts ? inParts.map((part, i) => listPart(part, partUri(folder, segment.msn, i))) : NO_PARTS;
    if (segment.open) {
      if (inParts?.[0]) yield listOpen(segment, layout, { first: inParts[0], parts, protection });
      continue;
    }
    const media = mediaOf(segment, lead);
    listed ??= blankSegment(renditionId);
    listed.uri.folder = folder;
    listed.uri.number = segment.msn;
    const durationS = durationOf(segment, lead, media);
    listed.durationS = edge ? Math.max(0, durationS - SHORT_BY_S) : durationS;
    longest.s = Math.max(longest.s, Math.round(durationS));
    listed.discontinuity = segment.discontinuity;
    const minute = sparseDates ? Math.floor(segment.startUs / MINUTE_US) : -1;
    const isDated = !undated && (!sparseDates || segment.discontinuity || minute !== datedMinute);
    datedMinute = minute;
    listed.programDateTimeMs = isDated ? startOf(segment, lead, media) / 1000 : undefined;
    listed.gap = segment.lost || (!media && layout.needed?.every((track) => !mediaOf(segment, track)) === true);
    listed.parts = parts;
    if (placeOf) place(listed, listed.gap || !rendition ? undefined : placeOf(segment, rendition));
    if (layout.map) listed.map = mapOf(layout.map, layout.folder, protection);
    else delete listed.map;
    if (protection) listed.keys = protection.keys;
    else delete listed.keys;
    yield listed;
  }
}

/** Lists a segment by the range of a file, or by its usual address. */
function place(listed: ListedSegment, range: ByteRange | undefined): void {
  listed.uri.ending = range ? `-${range.offset}.mp4` : '.m4s';
  if (range) listed.byteRange = range;
  else delete listed.byteRange;
}

function blankSegment(renditionId: string): ListedSegment {
  const ending = renditionId === TS ? '.ts' : isSubtitle(renditionId) ? '.vtt' : '.m4s';
  return {
    uri: { folder: '', number: 0, ending },
    parts: NO_PARTS,
    durationS: 0,
    discontinuity: false,
    programDateTimeMs: undefined,
    gap: false,
  };
}

/** What is listed of the open segment. */
interface OpenParts {
  readonly first: PresentationPart;
  readonly parts: readonly PlaylistPart[];
  readonly protection: Protection | undefined;
}

/** The unfinished last segment has parts only. */
function listOpen(
  { utcOffsetUs, discontinuity }: PresentationSegment,
  { lead, map, folder }: InitLayout,
  { first, parts, protection }: OpenParts,
): PrintedSegment {
  const programDateTimeMs = (utcOffsetUs + ticksToUs(first.pts, lead!.timescale)) / 1000;
  return {
    uri: '',
    durationS: 0,
    discontinuity,
    programDateTimeMs,
    ...(map && { map: mapOf(map, folder, protection) }),
    ...(protection && { keys: protection.keys }),
    gap: false,
    parts,
  };
}

/**
 * The Media Initialization Section of a segment: clear, unless the keys apply to it too; of common encryption
 * that of its key.
 *
 * @param folder the start of its address
 */
function mapOf(map: MapTag, folder: string, protection: Protection | undefined): MapTag {
  const [key] = protection?.coversMap ? protection.keys : [];
  const uri = protection?.common ? `${folder}${protection.folder}${map.uri.slice(folder.length)}` : map.uri;
  return key ? { uri, key } : uri === map.uri ? map : { uri };
}

function partUri(folder: string, msn: number, part: number): string {
  return `${folder}${msn}.${part}.m4s`;
}

/** A listed part never changes (RFC 8216bis 6.2.1). */
function listPart({ durationS, independent }: PresentationPart, uri: string): PlaylistPart {
  return { uri, durationS, independent, gap: false };
}

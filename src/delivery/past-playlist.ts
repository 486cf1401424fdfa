/**
 * Playlists of the past: a window of a recording as a finished (or still growing) list.
 * In: recorded groups in order, codec configurations. Out: playlist values for media/m3u8/print. MEDIA.md, Addresses 15 to 17. Pure.
 */
import { HOLE_US } from '../live/stream.ts';
import type { Track } from '../media/frame.ts';
import type { CommittedTrack } from '../media/isobmff/commit-box.ts';
import type { DateRangeTag, MapTag, MultivariantPlaylist, PlaylistPart } from '../media/m3u8/playlist.ts';
import type { PrintedPlaylist } from '../media/m3u8/print.ts';
import { type Rendition, renditionsOf } from '../media/rendition-set.ts';
import { ticksToUs } from '../media/run.ts';
import type { Init } from '../media/segment.ts';
import type { RecordedGroup } from '../recording/recorded.ts';
import { multivariantOf } from './multivariant.ts';

/** BANDWIDTH of a window that still grows has so much to spare: larger segments may come. */
const HEADROOM = 1.25;
const MINUTE_US = 60_000_000;
/** Roles of subtitles. */
const SUBTITLE = /^s\d/;
/** Segments of the past have no parts. */
const NO_PARTS: readonly PlaylistPart[] = [];

/** A window, ready to be printed. */
export interface PastWindow {
  /**
   * In order of time; at least one. Walked more than once: what is unpacked on the way need not be in memory, and each may come in the
   * same object as the one before.
   */
  readonly groups: Iterable<RecordedGroup>;
  readonly initOf: (number: number) => Init | undefined;
  /** Nothing will be added any more: ENDLIST. */
  readonly complete: boolean;
  /** It was requested by its revision, under which it never changes: VOD. Any other is an EVENT from first to last (8216bis 6.2.1). */
  readonly fixed: boolean;
  /** Dates stand at the first segment of each minute alone, and behind each DISCONTINUITY: of a long list they are nearly half. */
  readonly sparseDates?: boolean;
  /** What reaches into it; each ID once. */
  readonly dateRanges?: readonly DateRangeTag[];
  /** TARGETDURATION is no less, whole seconds. */
  readonly leastTargetDurationS: number;
}

/**
 * The multivariant playlist of a window, described by what is really in it.
 *
 * @param uriOf the Media Playlist of a rendition
 */
export function pastMultivariant(window: PastWindow, uriOf: (id: string) => string): MultivariantPlaylist {
  const { tracks, peaks } = lookThrough(window);
  const headroom = window.complete ? 1 : HEADROOM;
  return multivariantOf({
    tracks,
    version: 6,
    bandwidthOf: ({ id }) => (peaks.get(id) ?? 0) * headroom,
    frameRateOf: (rendition) => frameRateOf(window.groups, rendition),
    uriOf,
  });
}

/** Of the first segment: pictures over their duration. */
function frameRateOf(groups: Iterable<RecordedGroup>, rendition: Rendition): number | undefined {
  const video = rendition.tracks.find((track) => track.kind === 'video');
  const samples = video && firstOf(groups)?.tracks.find((track) => track.trackId === video.id);
  return samples && Math.round((samples.samples * video.timescale * 1000) / samples.duration) / 1000;
}

/** The newest tracks, and the largest bit rate of any segment of each rendition (8216bis 4.4.6.2, BANDWIDTH). */
function lookThrough({ groups, initOf }: PastWindow) {
  const known = new Map<number, { tracks: readonly Track[]; renditions: readonly Rendition[] }>();
  const peaks = new Map<string, number>();
  let tracks: readonly Track[] = [];
  for (const group of groups) {
    let init = known.get(group.initNumber);
    if (!init) {
      const own = initOf(group.initNumber)?.tracks ?? [];
      init = { tracks: own, renditions: renditionsOf(own).all };
      known.set(group.initNumber, init);
    }
    ({ tracks } = init);
    if (group.durationUs <= 0) continue;
    for (const rendition of init.renditions) {
      let bytes = 0;
      for (const { id } of rendition.tracks) bytes += group.tracks.find((one) => one.trackId === id)?.length ?? 0;
      const bitrate = (bytes * 8e6) / group.durationUs;
      if (bitrate > (peaks.get(rendition.id) ?? 0)) peaks.set(rendition.id, bitrate);
    }
  }
  return { tracks, peaks };
}

/**
 * The rendition that plays the part of `id` in `init`: itself, or another of its kind. Undefined where there is none: audio has no
 * stand-in of pictures.
 */
export function renditionIn(init: Init, id: string): Rendition | undefined {
  const { all, variants } = renditionsOf(init.tracks);
  const isAudio = /^a\d/.test(id);
  const own = all.find((rendition) => rendition.id === id);
  return own ?? (isAudio ? all.find((rendition) => /^a\d/.test(rendition.id)) : variants[0]);
}

/**
 * The Media Playlist of one rendition over a window.
 *
 * @param base where `{rendition}/{file}` of the stream lies, relative to this playlist, with a slash at the end
 */
export function pastMediaPlaylist(window: PastWindow, renditionId: string, base: string): PrintedPlaylist {
  const { groups, complete, fixed, sparseDates = false } = window;
  const first = firstOf(groups)!;
  const placeOf = placesOf(window, renditionId, base);
  let longestS = window.leastTargetDurationS;
  return {
    version: 6,
    targetDurationS: () => longestS,
    mediaSequence: first.msn,
    discontinuitySequence: first.discontinuitySequence,
    independentSegments: false,
    playlistType: fixed ? 'VOD' : 'EVENT',
    endList: complete,
    segments: {
      *[Symbol.iterator]() {
        const before = { run: 0, initNumber: 0, msn: -1, startUs: 0, durationUs: 0 };
        let datedMinute = -1;
        const segment = blankSegment();
        for (const group of groups) {
          const discontinuity = before.msn >= 0 && !joins(before, group);
          const minute = Math.floor(group.startUs / MINUTE_US);
          const dated = !sparseDates || discontinuity || minute !== datedMinute;
          datedMinute = minute;
          listRecorded(segment, group, placeOf(group), { discontinuity, dated });
          longestS = Math.max(longestS, Math.round(segment.durationS));
          before.run = group.run;
          before.initNumber = group.initNumber;
          before.msn = group.msn;
          before.startUs = group.startUs;
          before.durationUs = group.durationUs;
          yield segment;
        }
      },
    },
    ...(window.dateRanges?.length && !SUBTITLE.test(renditionId) && { dateRanges: window.dateRanges }),
    renditionReports: [],
    iFramesOnly: false,
  };
}

/** What the segments of one init have in common. */
interface Place {
  /** The track that tells their times; undefined where the rendition is not there. */
  readonly track: Track | undefined;
  /** What stands before an MSN in their addresses. */
  readonly base: string;
  readonly map: MapTag | undefined;
  /** Subtitles: files of text, one for every segment. */
  readonly isText: boolean;
}

/** Finds the place of a group; most are of the init of the one before. */
function placesOf({ initOf }: PastWindow, renditionId: string, base: string): (group: RecordedGroup) => Place {
  const places = new Map<number, Place>();
  let last: { readonly initNumber: number; readonly place: Place } | undefined;
  const find = (initNumber: number): Place => {
    const known = places.get(initNumber);
    if (known) return known;
    const init = initOf(initNumber);
    if (SUBTITLE.test(renditionId)) {
      const place = { track: undefined, base: `${base}${renditionId}/`, map: undefined, isText: true };
      places.set(initNumber, place);
      return place;
    }
    const rendition = init && renditionIn(init, renditionId);
    const folder = `${base}${rendition?.id ?? renditionId}/`;
    const map = rendition && { uri: `${folder}init-${initNumber}.mp4` };
    const place = { track: rendition?.tracks[0], base: folder, map, isText: false };
    places.set(initNumber, place);
    return place;
  };
  return ({ initNumber }) => {
    if (last?.initNumber !== initNumber) last = { initNumber, place: find(initNumber) };
    return last.place;
  };
}

function ownOf({ tracks }: RecordedGroup, { track }: Place): CommittedTrack | undefined {
  if (!track) return undefined;
  for (const one of tracks) if (one.trackId === track.id && one.length > 0) return one;
  return undefined;
}

function durationOf(group: RecordedGroup, { track }: Place, own: CommittedTrack | undefined): number {
  return own && track?.kind === 'audio' ? own.duration / track.timescale : group.durationUs / 1e6;
}

/** A segment that is filled anew for each group: of a day there are 43,200. */
interface ListedSegment {
  readonly uri: { folder: string; number: number; ending: string };
  readonly parts: readonly PlaylistPart[];
  durationS: number;
  discontinuity: boolean;
  programDateTimeMs: number | undefined;
  gap: boolean;
  map?: MapTag;
}

function blankSegment(): ListedSegment {
  const uri = { folder: '', number: 0, ending: '' };
  return { uri, parts: NO_PARTS, durationS: 0, discontinuity: false, programDateTimeMs: undefined, gap: false };
}

function listRecorded(
  segment: ListedSegment,
  group: RecordedGroup,
  place: Place,
  { discontinuity, dated }: { discontinuity: boolean; dated: boolean },
): void {
  const own = ownOf(group, place);
  segment.uri.folder = place.base;
  segment.uri.number = group.msn;
  segment.uri.ending = place.isText ? '.vtt' : '.m4s';
  segment.durationS = durationOf(group, place, own);
  segment.discontinuity = discontinuity;
  segment.programDateTimeMs = undefined;
  if (dated) {
    const timescale = place.track?.timescale ?? 1;
    const startUs = own ? group.eUs + ticksToUs(own.tfdt + own.firstPtsOffset, timescale) : group.startUs;
    segment.programDateTimeMs = startUs / 1000;
  }
  segment.gap = own === undefined && !place.isText;
  if (place.map) segment.map = place.map;
  else delete segment.map;
}

/** The first of a sequence. */
export function firstOf(groups: Iterable<RecordedGroup>): RecordedGroup | undefined {
  for (const group of groups) return group;
  return undefined;
}

/** Whether `group` goes on where `before` ended: same run, same configuration, nothing between them. */
export function joins(
  before: Pick<RecordedGroup, 'run' | 'initNumber' | 'msn' | 'startUs' | 'durationUs'>,
  group: RecordedGroup,
): boolean {
  if (before.run !== group.run || before.initNumber !== group.initNumber || group.msn !== before.msn + 1) return false;
  return Math.abs(group.startUs - before.startUs - before.durationUs) < HOLE_US;
}

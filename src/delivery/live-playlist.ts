/**
 * Live playlists: the multivariant list of a generation and the LL-HLS list of each rendition.
 * In: a view of packager/live-list. Out: playlist values for media/m3u8/print. RFC 8216bis, 4.4, 6.2 and appendix B. Pure.
 */
import { sortDateRanges } from '../media/m3u8/date-range.ts';
import type { MediaPlaylist, MultivariantPlaylist, PlaylistPart, PlaylistSegment } from '../media/m3u8/playlist.ts';
import { type Rendition, renditionsOf } from '../media/rendition-set.ts';
import { ticksToUs } from '../media/run.ts';
import type { Generation } from '../packager/generation.ts';
import type { ListedSegment, ListView } from '../packager/listed.ts';
import { nextPartOf, partsOf, positionOf, renditionIn } from '../packager/rendition-view.ts';
import { multivariantOf } from './multivariant.ts';

/** Parts are listed for the last three target durations (8216bis 6.2.2 asks for no less). */
const PARTS_FOR_TARGETS = 3;
/** Durations in the list are rounded and a little short: what counts by them is not left out too early, µs. */
const PARTS_GRACE_US = 50_000;
/** Nothing may be skipped that is younger than six target durations (4.4.3.8). */
export const SKIP_AFTER_TARGETS = 6;
/**
 * Segments of lists with parts are written this much short: hls.js compares the end of what it has with the segment's end without tolerance, and
 * where they agree but for rounding it forgets the next parts and stands for seconds.
 */
const SHORT_BY_S = 0.001;

/**
 * The multivariant playlist of a generation.
 *
 * @param uriOf the Media Playlist of a rendition, relative to this playlist
 */
export function multivariantPlaylist(
  view: Pick<ListView, 'generation' | 'tracks'>,
  uriOf: (id: string) => string,
): MultivariantPlaylist {
  const { generation, tracks } = view;
  return multivariantOf({
    tracks,
    version: 9,
    bandwidthOf: (rendition) => rendition.tracks.reduce((sum, { id }) => sum + (generation.bandwidths[id] ?? 0), 0),
    frameRateOf: () => generation.frameRate,
    uriOf,
  });
}

/** Whether a rendition is of text. */
export function isSubtitle({ tracks }: Rendition): boolean {
  return tracks[0]?.kind === 'text';
}

/** PART-TARGET of a rendition's list, seconds; undefined where the generation has no parts. */
export function partTargetOf(generation: Generation, rendition: Rendition): number | undefined {
  if (isSubtitle(rendition)) return undefined;
  const video = rendition.tracks.some((track) => track.kind === 'video');
  const audioOnly = Object.keys(generation.bandwidths).length === 1;
  return video || audioOnly ? generation.parts?.targetS : generation.parts?.audioTargetS;
}

/**
 * The Media Playlist of one rendition.
 *
 * @param skip a Playlist Delta Update is asked for (`_HLS_skip=YES`)
 */
export function liveMediaPlaylist(view: ListView, rendition: Rendition, { skip }: { skip: boolean }): MediaPlaylist {
  const { generation, ended } = view;
  const { targetDurationS } = generation;
  // Subtitles come in whole segments: there is nothing to be shown early.
  const parts = isSubtitle(rendition) ? undefined : generation.parts;
  const sealed = view.segments.filter((segment) => segment.sealed);
  const behindUs = durationsBehind(sealed);
  const partsForUs = PARTS_FOR_TARGETS * targetDurationS * 1e6 + PARTS_GRACE_US;
  const listed: PlaylistSegment[] = sealed.map((segment, i) =>
    listSegment(segment, rendition, { hasParts: parts !== undefined, withParts: behindUs[i]! < partsForUs }),
  );
  const open = view.segments.find((segment) => !segment.sealed);
  const position = positionOf(view, rendition);
  const next = nextPartOf(view, rendition);
  if (parts && open && !ended && position && position.parts > 0) listed.push(listOpenSegment(open, rendition));
  // By their ends, as seen from the start of the last one: none may reach behind the Skip Boundary.
  const skipFromUs = SKIP_AFTER_TARGETS * targetDurationS * 1e6 + (sealed.at(-1)?.sealed?.durationUs ?? 0);
  const skipped = skip ? behindUs.filter((us) => us >= skipFromUs).length : 0;
  const first = view.segments[0];
  const others = parts && !ended ? renditionsOf(view.tracks).all.filter((other) => other.id !== rendition.id) : [];
  const partTargetS = partTargetOf(generation, rendition);
  return {
    version: skipped > 0 ? 9 : 6,
    targetDurationS,
    ...(partTargetS !== undefined && { partTargetS }),
    serverControl: {
      canBlockReload: generation.parts !== undefined,
      holdBackS: generation.holdBackS,
      ...(parts && generation.partHoldBackS !== undefined && { partHoldBackS: generation.partHoldBackS }),
      canSkipUntilS: SKIP_AFTER_TARGETS * targetDurationS,
    },
    mediaSequence: first?.msn ?? 0,
    // The first segment's own DISCONTINUITY tag is counted when the segment leaves the list (4.4.3.3).
    discontinuitySequence: first ? first.discontinuitySequence - (first.discontinuity ? 1 : 0) : 0,
    independentSegments: false,
    endList: ended,
    segments: listed.slice(skipped),
    ...(skipped > 0 && { skippedSegments: skipped }),
    ...(view.dateRanges &&
      view.dateRanges.length > 0 &&
      !isSubtitle(rendition) && { dateRanges: sortDateRanges(view.dateRanges) }),
    ...(parts && !ended && next && { preloadHint: { type: 'PART', uri: `${next.msn}.${next.parts}.m4s` } }),
    renditionReports: others.flatMap((other) => reportOf(view, other)),
    iFramesOnly: false,
  };
}

function reportOf(view: ListView, other: Rendition) {
  const position = positionOf(view, other);
  if (!position) return [];
  const uri = `../${other.id}/g${view.generation.number}.m3u8`;
  if (position.parts > 0) return [{ uri, lastMsn: position.msn, lastPart: position.parts - 1 }];
  const before = view.segments.find((segment) => segment.msn === position.msn - 1);
  return before ? [{ uri, lastMsn: before.msn, lastPart: Math.max(0, partsOf(before, other).length - 1) }] : [];
}

/** Media behind each segment, µs: holes are not counted (8216bis 4.4.3.8, 6.2.2). */
function durationsBehind(sealed: readonly ListedSegment[]): number[] {
  let us = 0;
  return sealed
    .map((_, i) => {
      const behind = us;
      us += sealed[sealed.length - 1 - i]!.sealed?.durationUs ?? 0;
      return behind;
    })
    .reverse();
}

/** @param withParts its parts are still listed, where the list has parts */
function listSegment(
  segment: ListedSegment,
  rendition: Rendition,
  { hasParts, withParts }: { hasParts: boolean; withParts: boolean },
): PlaylistSegment {
  const { sealed } = segment;
  if (isSubtitle(rendition)) return listSubtitles(segment, rendition);
  const own = sealed?.tracks.get(renditionIn(segment, rendition).tracks[0]!.id);
  return {
    uri: `${segment.msn}.m4s`,
    durationS: Math.max(0, segmentDurationS(segment, rendition) - (hasParts ? SHORT_BY_S : 0)),
    ...opening(segment, rendition),
    gap: own === undefined,
    parts: hasParts && withParts ? listParts(segment, rendition) : [],
  };
}

/** Aligned with the segments of the pictures, and never missing: a file that says nothing is one too (rfc8216bis, 3.1.4). */
function listSubtitles(segment: ListedSegment, rendition: Rendition): PlaylistSegment {
  const { map: _map, ...opened } = opening(segment, rendition);
  const durationS = segmentDurationS(segment, rendition);
  return { uri: `${segment.msn}.vtt`, durationS, ...opened, gap: false, parts: [] };
}

function listOpenSegment(segment: ListedSegment, rendition: Rendition): PlaylistSegment {
  return {
    uri: '',
    durationS: 0,
    ...opening(segment, rendition),
    gap: false,
    parts: listParts(segment, rendition),
  };
}

/** A part says the same for as long as it is listed (8216bis 6.2.1). */
function listParts(segment: ListedSegment, rendition: Rendition): PlaylistPart[] {
  return partsOf(segment, rendition).map(({ durationS, independent }, i) => ({
    uri: `${segment.msn}.${i}.m4s`,
    ...{ durationS, independent, gap: false },
  }));
}

function opening(segment: ListedSegment, rendition: Rendition) {
  return {
    discontinuity: segment.discontinuity,
    programDateTimeMs: startUsOf(segment, rendition) / 1000,
    map: { uri: `init-${segment.init.number}.mp4` },
  };
}

/** E + the rendition's own first pts, the same before and after it is sealed (8216bis 6.2.1); the cut itself where it has none. */
export function startUsOf(segment: ListedSegment, rendition: Rendition): number {
  const track = renditionIn(segment, rendition).tracks[0]!;
  if (track.kind === 'text') return segment.startUs;
  const own = segment.sealed?.tracks.get(track.id);
  const pts = own ? own.tfdt + own.firstPtsOffset : segment.parts.get(track.id)?.[0]?.pts;
  return pts === undefined ? segment.startUs : segment.run.eUs + ticksToUs(pts, track.timescale);
}

/** The cut list's distance for what contains the reference track, else the track's own duration. */
export function segmentDurationS(segment: ListedSegment, rendition: Rendition): number {
  const { sealed } = segment;
  if (!sealed) return 0;
  const track = renditionIn(segment, rendition).tracks[0]!;
  const own = sealed.tracks.get(track.id);
  return own && track.kind === 'audio' ? own.duration / track.timescale : sealed.durationUs / 1e6;
}

/**
 * Takes the part of a Media Playlist that overlaps a stretch of time, as a playlist that has ended.
 * In: a playlist with EXT-X-PROGRAM-DATE-TIME, a stretch. Out: its segments, or from when to when it reaches.
 * Pure. RFC 8216bis 4.4.4.6.
 */
import type { KeyTag, MediaPlaylist, PlaylistSegment } from '@oxbow/media/m3u8/playlist';

/** A stretch of time, ms since 1970. */
export interface DatedRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The part of a playlist. */
export interface DatedPart {
  /** Ends with its last segment. */
  readonly playlist: MediaPlaylist;
  /** From when to when the complete playlist reaches; undefined: it has no dates. */
  readonly reach: DatedRange | undefined;
  /** Segments of the stretch that the playlist lists with EXT-X-GAP: it may have them later. */
  readonly gaps: number;
}

/** @param list loaded without EXT-X-SKIP */
export function datedPart(list: MediaPlaylist, { fromMs, toMs }: DatedRange): DatedPart {
  const segments: PlaylistSegment[] = [];
  let dateMs: number | undefined;
  let firstMs = Number.POSITIVE_INFINITY;
  let lastMs = Number.NEGATIVE_INFINITY;
  let before = 0;
  let discontinuities = list.discontinuitySequence;
  let isBroken = false;
  let gaps = 0;
  for (const [index, segment] of list.segments.entries()) {
    if (segment.uri === '') break; // parts of a segment that is not complete
    if (segment.discontinuity) dateMs = undefined;
    dateMs = segment.programDateTimeMs ?? dateMs;
    const startMs = dateMs;
    if (dateMs !== undefined) dateMs += segment.durationS * 1000;
    if (startMs !== undefined && !segment.gap) {
      firstMs = Math.min(firstMs, startMs);
      lastMs = Math.max(lastMs, dateMs!);
    }
    const isOfRange = startMs !== undefined && startMs < toMs && dateMs! > fromMs;
    if (isOfRange && segment.gap) gaps++;
    if (!isOfRange || segment.gap) {
      if (segments.length > 0) isBroken = true;
      else {
        before++;
        if (segment.discontinuity) discontinuities++;
      }
      continue;
    }
    const discontinuity = segment.discontinuity || isBroken;
    segments.push({ ...withIv(segment, list.mediaSequence + index), programDateTimeMs: startMs, discontinuity });
    isBroken = false;
  }
  const { partTargetS: _part, serverControl: _control, preloadHint: _hint, dateRanges: _ranges, ...plain } = list;
  return {
    playlist: {
      ...plain,
      mediaSequence: list.mediaSequence + before,
      discontinuitySequence: discontinuities,
      segments: segments.map((segment) => ({ ...segment, parts: [] })),
      renditionReports: [],
      endList: true,
    },
    reach: lastMs > firstMs ? { fromMs: firstMs, toMs: lastMs } : undefined,
    gaps,
  };
}

/** The IV of a segment is its number, unless its key has one; those of a part are others. RFC 8216bis 5.2. */
function withIv(segment: PlaylistSegment, msn: number): PlaylistSegment {
  const pinned = (key: KeyTag): KeyTag => ({ ...key, iv: key.iv ?? msn.toString(16) });
  const { key, keys } = segment;
  return { ...segment, ...(key && { key: pinned(key) }), ...(keys && { keys: keys.map(pinned) }) };
}

/**
 * Describes the segments and parts of a playlist: number, date, distance from the edge.
 * In: a playlist, its URL and arrival time. Out: segments and parts to fetch. Pure. RFC 8216bis 4.4.4.
 */
import type { MediaPlaylist, PlaylistSegment } from '@oxbow/media/m3u8/playlist';
import { keyOf } from '../segment/encryption.ts';
import type { QueuedSegment } from '../segment/queued-segment.ts';

/** A segment to fetch and its entry in the playlist. */
export interface Described {
  readonly segment: QueuedSegment;
  readonly source: PlaylistSegment;
}

/**
 * Segments of a playlist, oldest first. Each is described when `at` is called: playlists may be long, and few
 * segments are new.
 */
export interface DescribedList {
  /** Number of complete segments. */
  readonly count: number;
  /** @param index 0 to `count` - 1 */
  at(index: number): Described;
  /** The segment at the end of which the playlist has parts only. */
  readonly open: Described | undefined;
}

/**
 * @param url the list's, after redirects
 * @param arrivedMs ms since 1970
 */
export function describe(list: MediaPlaylist, url: URL, arrivedMs: number): DescribedList {
  const base = list.mediaSequence + (list.skippedSegments ?? 0);
  const { segments } = list;
  const toEdgeS = new Float64Array(segments.length);
  const dateMs = new Float64Array(segments.length);
  const sequences = new Float64Array(segments.length);
  let leftS = listedS(list);
  let edgeMs = Number.NaN;
  let discontinuitySequence = list.discontinuitySequence;
  segments.forEach((source, i) => {
    if (source.discontinuity) {
      discontinuitySequence += 1;
      edgeMs = Number.NaN;
    }
    const durationS = lengthOf(source);
    toEdgeS[i] = leftS;
    dateMs[i] = source.programDateTimeMs ?? edgeMs;
    sequences[i] = discontinuitySequence;
    leftS -= durationS;
    edgeMs = dateMs[i]! + durationS * 1000;
  });
  const dateOf = (ms: number) => (Number.isNaN(ms) ? undefined : ms);
  const at = (i: number): Described => {
    const source = segments[i]!;
    const { map } = source;
    return {
      source,
      segment: {
        msn: base + i,
        url: resolve(source.uri, url),
        byteRange: source.byteRange,
        map: map && { url: resolve(map.uri, url), byteRange: map.byteRange },
        durationS: lengthOf(source),
        targetDurationS: list.targetDurationS,
        discontinuity: source.discontinuity,
        discontinuitySequence: sequences[i]!,
        programDateTimeMs: dateOf(dateMs[i]!),
        dated: source.programDateTimeMs !== undefined,
        toEdgeS: toEdgeS[i]!,
        arrivedMs,
        ended: list.endList,
        epoch: 0,
        edgeMs: dateOf(edgeMs),
      },
    };
  };
  const isOpen = segments.at(-1)?.uri === '';
  const count = segments.length - (isOpen ? 1 : 0);
  return { count, at, open: isOpen ? at(count) : undefined };
}

/** EXTINF, or the sum of its parts while it has no EXTINF; seconds. */
function lengthOf({ uri, durationS, parts }: PlaylistSegment): number {
  return uri === '' ? parts.reduce((sum, part) => sum + part.durationS, 0) : durationS;
}

/** Media in a playlist, parts included; seconds. */
export function listedS({ segments }: Pick<MediaPlaylist, 'segments'>): number {
  return segments.reduce((sum, segment) => sum + lengthOf(segment), 0);
}

/** A segment's parts from index `from`, each as a segment to fetch. */
export function describeParts({ segment, source }: Described, url: URL, from: number): QueuedSegment[] {
  let beforeS = source.parts.slice(0, from).reduce((sum, { durationS }) => sum + durationS, 0);
  return source.parts.slice(from).map((part, i) => {
    const index = from + i;
    const { programDateTimeMs, toEdgeS } = segment;
    const described: QueuedSegment = {
      ...segment,
      url: resolve(part.uri, url),
      byteRange: part.byteRange,
      durationS: part.durationS,
      programDateTimeMs: programDateTimeMs === undefined ? undefined : programDateTimeMs + 1000 * beforeS,
      toEdgeS: toEdgeS - beforeS,
      // Tags before the segment apply to its first part.
      discontinuity: segment.discontinuity && index === 0,
      dated: segment.dated && index === 0,
      part: index,
      lowLatency: true,
    };
    beforeS += part.durationS;
    return described;
  });
}

/** Adds the keys of a segment and of its Media Initialization Section. */
export function withKeys(segment: QueuedSegment, source: PlaylistSegment, url: URL): QueuedSegment {
  if (!source.key && !source.map?.key) return segment;
  const mapKey = source.map?.key;
  return {
    ...segment,
    key: keyOf(source.keys ?? (source.key ? [source.key] : []), url),
    map: segment.map && { ...segment.map, key: mapKey && keyOf([mapKey], url) },
  };
}

/** Resolves a URI; an invalid one becomes `about:blank`, which net refuses. */
export function resolve(uri: string, base: URL): URL {
  return URL.parse(uri, base.href) ?? new URL('about:blank');
}

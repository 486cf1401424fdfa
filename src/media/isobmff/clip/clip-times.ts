/**
 * Where stored segments stand in a clip: the clip begins at 0 with its first picture or sound, and closes up over holes.
 * In: tracks and the index rows of the groups. Out: what to add to each segment's times. Pure.
 * ISO/IEC 14496-12, 8.6.6 (elst); docs/media.md 20.
 */
import type { Track } from '../../frame.ts';
import { rescale } from '../../rescale.ts';
import { movieTimescale } from '../movie/movie.ts';

/** One track's stored segment; a CommittedTrack is one. */
export interface ClipSegment {
  readonly trackId: number;
  /** Decode time of the first sample, ticks. */
  readonly tfdt: number;
  /** Ticks. */
  readonly duration: number;
  /** Bytes; segments of length 0 are left out. */
  readonly length: number;
  /** Earliest presentation time − tfdt, ticks. */
  readonly firstPtsOffset: number;
}

/** The segments of one msn in the order in which they will be sent; a CommittedGroup is one. */
export interface ClipGroup {
  /** The timestamps do not continue those of the previous group, or there is a gap: the clip joins them without a hole. */
  readonly discontinuity: boolean;
  readonly tracks: readonly ClipSegment[];
}

/** A track's place on the clip's clock. */
export interface ClipLine {
  readonly track: Track;
  /** When it is first seen or heard, ticks of 90 kHz. */
  readonly wait: number;
  /** Ticks of the track, on the clip's decode times, that are presented at `wait`: the first segment's pts − tfdt. */
  readonly mediaTime: number;
  /** Where its last segment ends, ticks of the track on the clip's decode times. */
  readonly presentEnd: number;
}

/** A clip's times. A frame is presented at `wait` / 90 kHz + (pts + delta − mediaTime) / timescale, in seconds. */
export interface ClipTimes {
  /** The tracks that have a segment, in the order in which they begin. */
  readonly lines: readonly ClipLine[];
  /** For each group, in the order of its tracks: what to add to the decode times of that segment, ticks. */
  readonly deltas: readonly (readonly number[])[];
  /** Ticks of 90 kHz. */
  readonly duration: number;
}

interface Line extends ClipLine {
  /** Time shift of the current span. */
  delta: number;
  /** Where the last segment ended, ticks of the clip, decode and presentation. */
  decodeEnd: number;
  presentEnd: number;
}

/**
 * Places groups on a clip's clock.
 *
 * @param tracks those of the init that all groups share
 * @param groups at least one with a segment
 * @throws RangeError if there is no segment, or one of a track that `tracks` does not have
 */
export function planClipTimes(tracks: readonly Track[], groups: readonly ClipGroup[]): ClipTimes {
  const lines = new Map<number, Line>();
  const deltas: number[][] = [];
  let spanStart = 0;
  for (let from = 0; from < groups.length; ) {
    let to = from + 1;
    while (to < groups.length && !groups[to]!.discontinuity) to++;
    const span = groups.slice(from, to);
    placeSpan(tracks, span, lines, spanStart);
    for (const group of span) {
      deltas.push(
        group.tracks.map((segment) => {
          const line = segment.length > 0 ? lines.get(segment.trackId)! : undefined;
          if (!line) return 0;
          const tfdt = segment.tfdt + line.delta;
          line.decodeEnd = Math.max(line.decodeEnd, tfdt + segment.duration);
          line.presentEnd = Math.max(line.presentEnd, tfdt + segment.duration + segment.firstPtsOffset);
          return line.delta;
        }),
      );
    }
    for (const line of lines.values()) spanStart = Math.max(spanStart, movieTimeOf(line, line.presentEnd));
    from = to;
  }
  if (lines.size === 0) throw new RangeError('a clip needs a segment');
  return { lines: [...lines.values()], deltas, duration: spanStart };
}

/** When a track's media time is presented, ticks of 90 kHz. */
export function movieTimeOf(line: ClipLine, ticks: number): number {
  return line.wait + rescale(ticks - line.mediaTime, line.track.timescale, movieTimescale);
}

/** Sets `delta` of each track for a span of continuous timestamps that is presented from `start` on (movie ticks) or later. */
function placeSpan(
  tracks: readonly Track[],
  span: readonly ClipGroup[],
  lines: Map<number, Line>,
  start: number,
): void {
  const firsts = new Map<number, { track: Track; segment: ClipSegment; at: number }>();
  for (const segment of span.flatMap((group) => group.tracks)) {
    if (segment.length === 0 || firsts.has(segment.trackId)) continue;
    const track = tracks.find(({ id }) => id === segment.trackId);
    if (!track) throw new RangeError(`the clip has no track ${segment.trackId}`);
    const at = rescale(segment.tfdt + segment.firstPtsOffset, track.timescale, movieTimescale);
    firsts.set(segment.trackId, { track, segment, at });
  }
  const all = [...firsts.values()];
  // Late metadata may have times before the first video frame.
  const media = all.filter(({ track }) => track.kind === 'video' || track.kind === 'audio');
  const origin = Math.min(...(media.length > 0 ? media : all).map(({ at }) => at));
  for (const [id, first] of firsts) if (first.at < origin) firsts.set(id, { ...first, at: origin });
  const tfdtOf = (line: Line, segment: ClipSegment, at: number) =>
    rescale(at - line.wait, movieTimescale, line.track.timescale) + line.mediaTime - segment.firstPtsOffset;
  // Decode times may not go back where two spans meet: then the second begins a little later.
  let late = 0;
  for (const [id, { segment, at }] of firsts) {
    const line = lines.get(id);
    if (!line) continue;
    const lag = line.decodeEnd - tfdtOf(line, segment, start + at - origin);
    late = Math.max(late, Math.ceil((lag * movieTimescale) / line.track.timescale));
  }
  for (const [id, { track, segment, at }] of firsts) {
    const shown = start + late + at - origin;
    const line = lines.get(id);
    if (line) {
      line.delta = Math.max(tfdtOf(line, segment, shown), line.decodeEnd) - segment.tfdt;
    } else {
      const mediaTime = segment.firstPtsOffset;
      lines.set(id, { track, wait: shown, mediaTime, delta: 0 - segment.tfdt, decodeEnd: 0, presentEnd: 0 });
    }
  }
}

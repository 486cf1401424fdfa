/**
 * Where stored segments stand in a clip: the clip begins at 0 with its first picture or sound, and closes up
 * over holes.
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
  /**
   * The timestamps do not continue those of the previous group, or there is a gap: the clip joins them
   * without a hole.
   */
  readonly discontinuity: boolean;
  readonly tracks: readonly ClipSegment[];
}

/** A track's place on the clip's clock. */
export interface ClipLine {
  readonly track: Track;
  /** When it is first seen or heard, ticks of 90 kHz. */
  readonly wait: number;
  /**
   * Ticks of the track, on the clip's decode times, that are presented at `wait`: the first segment's pts −
   * tfdt.
   */
  readonly mediaTime: number;
  /** Where its last segment ends, ticks of the track on the clip's decode times. */
  readonly presentEnd: number;
}

/**
 * A clip's times. A frame is presented at `wait` / 90 kHz + (pts + delta − mediaTime) / timescale, in
 * seconds.
 */
export interface ClipTimes {
  /** The tracks that have a segment, in the order in which they begin. */
  readonly lines: readonly ClipLine[];
  /** For each group, in the order of its tracks: what to add to the decode times of that segment, ticks. */
  readonly deltas: readonly (readonly number[])[];
  /** Ticks of 90 kHz. */
  readonly duration: number;
}

/**
 * Where the spans of a clip stand: what `ClipTimeline` finds out, a few numbers for each span and none for a
 * group.
 */
export interface ClipSpans extends Pick<ClipTimes, 'lines' | 'duration'> {
  /** Number of spans. */
  readonly count: number;
  /**
   * What to add to the decode times of a track's segments in a span, ticks; the number of a span is what
   * `ClipTimeline.add` returned.
   */
  readonly deltaOf: (span: number, trackId: number) => number;
}

interface Line extends ClipLine {
  /** Time shift of the current span. */
  delta: number;
  /** Where the last segment ended, ticks of the clip, decode and presentation. */
  decodeEnd: number;
  presentEnd: number;
  /** `delta` of each span, 0 before the track begins. */
  readonly deltas: number[];
}

/** What the segments of one track in a span say, ticks as stored. */
interface Reach {
  readonly track: Track;
  /** Of the first one. */
  readonly tfdt: number;
  readonly firstPtsOffset: number;
  /** When the first one is presented, ticks of 90 kHz. */
  readonly at: number;
  /** Where the last one ends. */
  decodeEnd: number;
  presentEnd: number;
}

/**
 * Places groups on a clip's clock one after the other; it keeps none of them. A span is what continues
 * without a discontinuity.
 */
export class ClipTimeline {
  readonly #tracks: readonly Track[];
  readonly #lines = new Map<number, Line>();
  #reaches = new Map<number, Reach>();
  #span = 0;
  #start = 0;
  #isEmpty = true;

  /** @param tracks those of the init that all groups share */
  constructor(tracks: readonly Track[]) {
    this.#tracks = tracks;
  }

  /**
   * Adds the next group; nothing of it is kept.
   *
   * @returns the number of its span
   * @throws RangeError if it has a segment of a track that is not in `tracks`
   */
  add({ discontinuity, tracks }: ClipGroup): number {
    if (discontinuity && !this.#isEmpty) this.#endSpan();
    this.#isEmpty = false;
    for (const { trackId, tfdt, duration, firstPtsOffset, length } of tracks) {
      if (length === 0) continue;
      let reach = this.#reaches.get(trackId);
      if (!reach) {
        const track = this.#tracks.find(({ id }) => id === trackId);
        if (!track) throw new RangeError(`the clip has no track ${trackId}`);
        const at = rescale(tfdt + firstPtsOffset, track.timescale, movieTimescale);
        reach = { track, tfdt, firstPtsOffset, at, decodeEnd: 0, presentEnd: 0 };
        this.#reaches.set(trackId, reach);
      }
      reach.decodeEnd = Math.max(reach.decodeEnd, tfdt + duration);
      reach.presentEnd = Math.max(reach.presentEnd, tfdt + duration + firstPtsOffset);
    }
    return this.#span;
  }

  /**
   * The clip's times, after the last group.
   *
   * @throws RangeError if there was no segment
   */
  finish(): ClipSpans {
    this.#endSpan();
    if (this.#lines.size === 0) throw new RangeError('a clip needs a segment');
    const deltaOf = (span: number, trackId: number) => this.#lines.get(trackId)!.deltas[span]!;
    return { lines: [...this.#lines.values()], duration: this.#start, count: this.#span, deltaOf };
  }

  #endSpan(): void {
    placeSpan(this.#reaches, this.#lines, this.#start);
    for (const [trackId, { decodeEnd, presentEnd }] of this.#reaches) {
      const line = this.#lines.get(trackId)!;
      line.decodeEnd = Math.max(line.decodeEnd, decodeEnd + line.delta);
      line.presentEnd = Math.max(line.presentEnd, presentEnd + line.delta);
    }
    for (const line of this.#lines.values()) {
      while (line.deltas.length < this.#span) line.deltas.push(0);
      line.deltas.push(line.delta);
      this.#start = Math.max(this.#start, movieTimeOf(line, line.presentEnd));
    }
    this.#reaches = new Map();
    this.#span++;
  }
}

/**
 * Places groups on a clip's clock.
 *
 * @param tracks those of the init that all groups share
 * @param groups at least one with a segment
 * @throws RangeError if there is no segment, or one of a track that `tracks` does not have
 */
export function planClipTimes(tracks: readonly Track[], groups: readonly ClipGroup[]): ClipTimes {
  const timeline = new ClipTimeline(tracks);
  const spans = groups.map((group) => timeline.add(group));
  const { lines, duration, deltaOf } = timeline.finish();
  const deltas = groups.map((group, i) =>
    group.tracks.map(({ trackId, length }) => (length > 0 ? deltaOf(spans[i]!, trackId) : 0)),
  );
  return { lines, deltas, duration };
}

/** When a track's media time is presented, ticks of 90 kHz. */
export function movieTimeOf(line: ClipLine, ticks: number): number {
  return line.wait + rescale(ticks - line.mediaTime, line.track.timescale, movieTimescale);
}

/**
 * Sets `delta` of each track for a span of continuous timestamps that is presented from `start` on (movie
 * ticks) or later.
 */
function placeSpan(firsts: ReadonlyMap<number, Reach>, lines: Map<number, Line>, start: number): void {
  const reaches = [...firsts.values()];
  // Late metadata may have times before the first video frame.
  const media = reaches.filter(({ track }) => track.kind === 'video' || track.kind === 'audio');
  const origin = Math.min(...(media.length > 0 ? media : reaches).map(({ at }) => at));
  const afterOrigin = (reach: Reach) => Math.max(0, reach.at - origin);
  const tfdtOf = (line: Line, { firstPtsOffset }: Reach, at: number) =>
    rescale(at - line.wait, movieTimescale, line.track.timescale) + line.mediaTime - firstPtsOffset;
  // Decode times may not go back where two spans meet: then the second begins a little later.
  let late = 0;
  for (const [id, reach] of firsts) {
    const line = lines.get(id);
    if (!line) continue;
    const lag = line.decodeEnd - tfdtOf(line, reach, start + afterOrigin(reach));
    late = Math.max(late, Math.ceil((lag * movieTimescale) / line.track.timescale));
  }
  for (const [id, reach] of firsts) {
    const wait = start + late + afterOrigin(reach);
    const line = lines.get(id);
    if (line) {
      line.delta = Math.max(tfdtOf(line, reach, wait), line.decodeEnd) - reach.tfdt;
    } else {
      const { track, firstPtsOffset: mediaTime } = reach;
      const began = { delta: 0 - reach.tfdt, decodeEnd: 0, presentEnd: 0, deltas: [] };
      lines.set(id, { track, wait, mediaTime, ...began });
    }
  }
}

/**
 * Cuts tracks with few frames: subtitles and timed metadata. No segment waits for them: frames that arrived
 * before a segment is sealed are in it, later ones are in the next.
 * In: frames, and the time range of each segment as it is sealed. Out: their segments, one fragment each;
 * date ranges at once. docs/media.md 6 and 17; ISO/IEC 14496-30, 6.
 */
import type { DateRangeTracker } from '@oxbow/media/date-range/date-range-tracker';
import type { DataTrack, Frame, TextTrack, Track } from '@oxbow/media/frame';
import { loneSlot } from '@oxbow/media/isobmff/fragment';
import type { DateRangeTag } from '@oxbow/media/m3u8/playlist';
import { isSparse } from '@oxbow/media/rendition-set';
import { usToTicks } from '@oxbow/media/run';
import type { TrackSegment } from '@oxbow/media/segment';
import { cutTextFrame, emptySample, isEmptySample, moveTextFrame } from '@oxbow/media/webvtt/sample';
import { type SegmentShape, TrackWriter } from './track-writer.ts';

/** Most frames of a track that wait for their segment, and their bytes. */
const MAX_FRAMES = 256;
const MAX_BYTES = 512 * 1024;

/** Duration of the sample of a cue that arrived after its end: it is kept, but not shown, s. */
const LATE_S = 0.001;

/** Content of one segment from the sparse tracks. */
interface SparseSegment {
  /** Of tracks with frames in it. */
  readonly tracks: readonly TrackSegment[];
  /** Date ranges of its frames, in order. */
  readonly dateRanges: readonly DateRangeTag[];
}

interface Held {
  readonly frame: Frame;
  readonly dateRanges: readonly DateRangeTag[];
}

interface SparseTrack {
  readonly track: TextTrack | DataTrack;
  readonly writer: TrackWriter;
  held: Held[];
  bytes: number;
  /** No frame may begin before this, ticks. */
  next: number;
  /** The last text sample is a cue, which players show until the next sample. */
  isShown: boolean;
}

/** The sparse tracks of one run. */
export class SparseTracks {
  readonly #tracks: ReadonlyMap<number, SparseTrack>;
  readonly #dateRanges: DateRangeTracker;
  #ended = false;

  /**
   * @param dateRanges of the stream: ranges outlive runs
   * @param shape of the segments
   */
  constructor(
    tracks: readonly Track[],
    dateRanges: DateRangeTracker,
    { shared, firstMsn }: Pick<SegmentShape, 'shared' | 'firstMsn'>,
  ) {
    this.#dateRanges = dateRanges;
    this.#tracks = new Map(
      tracks.filter(isSparse).map((track) => {
        const writer = new TrackWriter(track, { firstMsn, slot: loneSlot, exact: true, shared });
        return [track.id, { track, writer, held: [], bytes: 0, next: 0, isShown: false }];
      }),
    );
  }

  /** Whether frames wait as they came. */
  get holdsFrames(): boolean {
    for (const { held } of this.#tracks.values()) if (held.length > 0) return true;
    return false;
  }

  /** Whether a track is one of them. */
  has(trackId: number): boolean {
    return this.#tracks.has(trackId);
  }

  /**
   * Takes a frame.
   *
   * @param utcOffsetUs the UTC offset of the run
   * @returns the date ranges that it adds or changes
   */
  push(frame: Frame, utcOffsetUs: number): readonly DateRangeTag[] {
    const line = this.#tracks.get(frame.trackId);
    if (!line || (line.track.kind === 'text' && isEmptySample(frame.data))) return [];
    if (line.held.length >= MAX_FRAMES || line.bytes + frame.data.length > MAX_BYTES) {
      line.writer.damage();
      return [];
    }
    const taken = line.track.kind === 'data' ? inTurn(line, frame) : frame;
    const dateRanges = line.track.kind === 'data' ? this.#dateRanges.take(line.track, taken, utcOffsetUs) : [];
    line.held.push({ frame: taken, dateRanges });
    line.bytes += frame.data.length;
    return dateRanges;
  }

  /** The run ended: the last segment takes all remaining frames. */
  end(): void {
    this.#ended = true;
  }

  /**
   * Closes the segment [fromUs, toUs) of media time; frames that came too late for the one before are in it.
   *
   * @param isLast no later segment of the run is open
   */
  close(fromUs: number, toUs: number, isLast: boolean): SparseSegment {
    const tracks: TrackSegment[] = [];
    const dateRanges: DateRangeTag[] = [];
    for (const line of this.#tracks.values()) {
      const from = usToTicks(fromUs, line.track.timescale);
      const to = usToTicks(toUs, line.track.timescale);
      if (line.track.kind === 'text') writeText(line, from, to);
      else dateRanges.push(...writeData(line, to, this.#ended && isLast));
      const segment = line.writer.closeSegment();
      if (segment) tracks.push(segment);
    }
    return { tracks, dateRanges };
  }
}

/**
 * Moves a metadata frame to its time of arrival: the time that it describes is in its payload. Frames of one
 * instant are a tick apart, because decode times must increase.
 */
function inTurn({ held, next }: SparseTrack, frame: Frame): Frame {
  const last = held.at(-1)?.frame;
  const dts = Math.max(next, last ? last.dts + 1 : 0, frame.dts);
  return dts === frame.dts && frame.pts === dts ? frame : { ...frame, dts, pts: dts };
}

function release(line: SparseTrack, count: number): Held[] {
  const released = line.held.splice(0, count);
  for (const { frame } of released) line.bytes -= frame.data.length;
  return released;
}

/**
 * Writes metadata. A sample ends with its segment, so that no file appears longer than it is: the payload has
 * the duration.
 */
function writeData(line: SparseTrack, to: number, isLast: boolean): DateRangeTag[] {
  const count = isLast ? line.held.length : line.held.findIndex(({ frame }) => frame.pts >= to);
  const released = release(line, count < 0 ? line.held.length : count);
  for (const { frame } of released) {
    const duration = Math.max(0, Math.min(frame.duration, to - frame.pts));
    line.writer.add({ ...frame, duration, key: true });
    line.next = frame.pts + 1;
  }
  return released.flatMap((cue) => cue.dateRanges);
}

/**
 * Writes text without holes from the first cue to the segment's end, with empty samples between cues. A
 * longer cue is repeated in the next segment. One that ends with its segment is followed there by an empty
 * sample, otherwise players of files keep showing it.
 */
function writeText(line: SparseTrack, from: number, to: number): void {
  const due = line.held.findIndex(({ frame }) => frame.pts >= to);
  const remainders: Held[] = [];
  const lateTicks = Math.ceil(LATE_S * line.track.timescale);
  let at = Math.max(from, line.next);
  const add = (pts: number, duration: number, data: Uint8Array) => {
    line.writer.add({ trackId: line.track.id, dts: pts, pts, duration, data, key: true });
    at = pts + duration;
    line.isShown = data !== emptySample;
  };
  /** Writes an empty sample after the last cue. */
  const pause = (until: number) => {
    if (line.isShown && until > at) add(at, until - at, emptySample);
  };
  for (const { frame } of release(line, due < 0 ? line.held.length : due)) {
    let part: Frame = frame;
    if (part.pts < at) {
      const isOver = part.pts + part.duration <= at;
      part = isOver ? moveTextFrame(part, at, lateTicks) : cutTextFrame(part, at)[1];
    }
    if (part.pts + part.duration > to) {
      const [now, later] = cutTextFrame(part, to);
      remainders.push({ frame: later, dateRanges: [] });
      part = now;
    }
    if (part.duration <= 0) continue;
    pause(part.pts);
    add(part.pts, part.duration, part.data);
  }
  pause(to);
  line.next = at;
  line.held.unshift(...remainders);
  for (const { frame } of remainders) line.bytes += frame.data.length;
}

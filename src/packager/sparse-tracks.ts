/**
 * The tracks of a run that have frames only now and then: subtitles and timed metadata. They follow the cut list as others do, but
 * nothing ever waits for them: what has come when a segment is sealed is in it, what comes later is in the next.
 * In: frames, and the stretch of each segment as it is sealed. Out: their segments, one fragment each; date ranges, as soon as they are
 * known. docs/media.md 6 and 17; ISO/IEC 14496-30, 6.
 */
import type { DateRangeTracker } from '../media/date-range/date-range-tracker.ts';
import type { DataTrack, Frame, TextTrack, Track } from '../media/frame.ts';
import { loneSlot } from '../media/isobmff/fragment.ts';
import type { DateRangeTag } from '../media/m3u8/playlist.ts';
import { isSparse } from '../media/rendition-set.ts';
import { usToTicks } from '../media/run.ts';
import type { TrackSegment } from '../media/segment.ts';
import { cutTextFrame, emptySample, isEmptySample, moveTextFrame } from '../media/webvtt/sample.ts';
import { type SegmentShape, TrackWriter } from './track-writer.ts';

/** Frames of a track that may lie in a segment or wait for theirs, and their bytes. */
const MAX_FRAMES = 256;
const MAX_BYTES = 512 * 1024;

/** A text that comes when its time is over is shown no more, but kept: a sample of this length says when it was meant for, s. */
const LATE_S = 0.001;

/** What a segment gets from the sparse tracks. */
export interface SparseSegment {
  /** Of tracks that have something in it. */
  readonly tracks: readonly TrackSegment[];
  /** What its frames say, in order. */
  readonly dateRanges: readonly DateRangeTag[];
}

interface Held {
  readonly frame: Frame;
  readonly dateRanges: readonly DateRangeTag[];
}

interface Line {
  readonly track: TextTrack | DataTrack;
  readonly writer: TrackWriter;
  held: Held[];
  bytes: number;
  /** No frame may begin before this, ticks. */
  next: number;
  /** The last sample of text is a cue, which is shown until another sample follows. */
  isShown: boolean;
}

/** The sparse tracks of one run. */
export class SparseTracks {
  readonly #lines: ReadonlyMap<number, Line>;
  readonly #book: DateRangeTracker;
  #ended = false;

  /**
   * @param book of the stream: ranges outlive runs
   * @param shape of the segments
   */
  constructor(
    tracks: readonly Track[],
    book: DateRangeTracker,
    { shared, firstMsn }: Pick<SegmentShape, 'shared' | 'firstMsn'>,
  ) {
    this.#book = book;
    this.#lines = new Map(
      tracks.filter(isSparse).map((track) => {
        const writer = new TrackWriter(track, { firstMsn, slot: loneSlot, exact: true, shared });
        return [track.id, { track, writer, held: [], bytes: 0, next: 0, isShown: false }];
      }),
    );
  }

  /** Whether a track is one of them. */
  has(trackId: number): boolean {
    return this.#lines.has(trackId);
  }

  /**
   * Takes a frame.
   *
   * @param utcOffsetUs the UTC offset of the run
   * @returns the date ranges that are new with it
   */
  push(frame: Frame, utcOffsetUs: number): readonly DateRangeTag[] {
    const line = this.#lines.get(frame.trackId);
    if (!line || (line.track.kind === 'text' && isEmptySample(frame.data))) return [];
    if (line.held.length >= MAX_FRAMES || line.bytes + frame.data.length > MAX_BYTES) {
      line.writer.damage();
      return [];
    }
    const taken = line.track.kind === 'data' ? inTurn(line, frame) : frame;
    const dateRanges = line.track.kind === 'data' ? this.#book.take(line.track, taken, utcOffsetUs) : [];
    line.held.push({ frame: taken, dateRanges });
    line.bytes += frame.data.length;
    return dateRanges;
  }

  /** Nothing will come any more: the last segment takes what is left. */
  end(): void {
    this.#ended = true;
  }

  /**
   * What lies in the segment [fromUs, toUs), media time, and what came too late for the one before.
   *
   * @param isLast no segment is open behind it
   */
  close(fromUs: number, toUs: number, isLast: boolean): SparseSegment {
    const tracks: TrackSegment[] = [];
    const dateRanges: DateRangeTag[] = [];
    for (const line of this.#lines.values()) {
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
 * A word stands where it came, be it on a later time: what it says of that is in it. Two words on one instant are a tick apart, for
 * decode times rise.
 */
function inTurn({ held, next }: Line, frame: Frame): Frame {
  const last = held.at(-1)?.frame;
  const dts = Math.max(next, last ? last.dts + 1 : 0, frame.dts);
  return dts === frame.dts && frame.pts === dts ? frame : { ...frame, dts, pts: dts };
}

function release(line: Line, count: number): Held[] {
  const released = line.held.splice(0, count);
  for (const { frame } of released) line.bytes -= frame.data.length;
  return released;
}

/** How long a word holds is part of what it says; a sample ends with its segment, so that no file seems longer than it is. */
function writeData(line: Line, to: number, all: boolean): DateRangeTag[] {
  const count = all ? line.held.length : line.held.findIndex(({ frame }) => frame.pts >= to);
  const released = release(line, count < 0 ? line.held.length : count);
  for (const { frame } of released) {
    const duration = Math.max(0, Math.min(frame.duration, to - frame.pts));
    line.writer.add({ ...frame, duration, key: true });
    line.next = frame.pts + 1;
  }
  return released.flatMap((one) => one.dateRanges);
}

/**
 * Samples lie side by side from the first cue to the segment's end, with empty ones between; a cue that lasts longer stands in the next
 * segment too, and one that ends with its segment is ended by an empty sample there: without it files would show it until the next one.
 */
function writeText(line: Line, from: number, to: number): void {
  const due = line.held.findIndex(({ frame }) => frame.pts >= to);
  const rest: Held[] = [];
  const lateTicks = Math.ceil(LATE_S * line.track.timescale);
  let at = Math.max(from, line.next);
  const add = (pts: number, duration: number, data: Uint8Array) => {
    line.writer.add({ trackId: line.track.id, dts: pts, pts, duration, data, key: true });
    at = pts + duration;
    line.isShown = data !== emptySample;
  };
  /** Nothing is shown from the end of the last cue on. */
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
      rest.push({ frame: later, dateRanges: [] });
      part = now;
    }
    if (part.duration <= 0) continue;
    pause(part.pts);
    add(part.pts, part.duration, part.data);
  }
  pause(to);
  line.next = at;
  line.held.unshift(...rest);
  for (const { frame } of rest) line.bytes += frame.data.length;
}

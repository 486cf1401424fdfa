/**
 * Cuts a track at the cuts of the reference track: the first frame at or after a cut begins the next part or
 * segment.
 * In: frames of the track, boundaries and edge of the reference. Out: closed parts and segments, in order.
 * docs/media.md 6 and 7, 15.
 */
import type { Frame, Track } from '@oxbow/media/frame';
import { usToTicks } from '@oxbow/media/run';
import type { Part, TrackSegment } from '@oxbow/media/segment';
import { audioFrameS, silenceFor } from './audio-frame.ts';
import { type SegmentShape, TrackWriter } from './track-writer.ts';

/** Smaller holes, in frames, are jitter (docs/media.md 5). */
const HOLE_FRAMES = 2;
/** Rounding of times in containers: a difference this small is neither early nor a hole, s. */
const ROUNDING_S = 0.001;
/** A frame may start this much before the end of the previous one, s. */
const JITTER_S = 0.005;
/**
 * A frame ahead of the reference by more than this plus the lateness limit is dropped: another clock, or the
 * reference stopped. s
 */
const HELD_FOR_S = 5;

interface Boundary {
  /** First instant of what follows, ticks of this track. */
  readonly atTicks: number;
  readonly kind: 'part' | 'segment';
}

/** Receives the closed parts and segments. */
export interface AlignedTrackOutput {
  part(track: Track, part: Part): void;
  /** `segment` is undefined when the track had no frame for it and none could be made. */
  segment(track: Track, segment: TrackSegment | undefined): void;
}

/** How long an aligned track waits for its frames, and the reference for it; µs of media. */
export interface LatenessLimits {
  /** How far the track may be ahead before it is written without waiting for the reference. */
  readonly aheadUs: number;
  /** How far it may be late before a boundary is closed without its frames. */
  readonly behindUs: number;
}

/** One track that is not the reference. */
export class AlignedTrack {
  readonly #writer: TrackWriter;
  readonly #output: AlignedTrackOutput;
  readonly #ahead: number;
  /** Media time up to which the reference is known, ticks. */
  #edge: number;
  readonly #behind: number;
  #held: Frame[] = [];
  #boundaries: Boundary[] = [];
  /** Start of the run, ticks: frames before it are dropped. */
  readonly #runStart: number;
  /** Start of the open segment, ticks. */
  #start: number;
  /** Where the next frame is expected: the end of the last one. */
  #expected: number;
  #lastDts = Number.NEGATIVE_INFINITY;
  /** Ticks of an audio frame, may have a fraction; 0 for other kinds. */
  readonly #frameTicks: number;
  readonly #silence: Uint8Array | undefined;
  /** Silence fills even the smallest hole before the first audio frame. */
  #meets: boolean;

  /**
   * @param startUs media time of the run's first cut, µs
   * @param meets another run precedes: audio must begin with the video, because players see a hole where the
   *   runs meet
   */
  constructor(
    track: Track,
    { startUs, meets }: { readonly startUs: number; readonly meets: boolean },
    lateness: LatenessLimits,
    shape: SegmentShape,
    output: AlignedTrackOutput,
  ) {
    this.#writer = new TrackWriter(track, shape);
    this.#output = output;
    this.#ahead = usToTicks(lateness.aheadUs, track.timescale);
    this.#behind = usToTicks(lateness.behindUs, track.timescale);
    this.#expected = usToTicks(startUs, track.timescale);
    this.#edge = this.#expected;
    // One tick of grace: the conversion rounds, and the first frame must not be lost to it.
    this.#runStart = this.#expected - 1;
    this.#start = this.#runStart;
    this.#frameTicks = track.kind === 'audio' ? audioFrameS(track.config) * track.timescale : 0;
    this.#silence = track.kind === 'audio' ? silenceFor(track.config) : undefined;
    this.#meets = meets;
  }

  get track(): Track {
    return this.#writer.track;
  }

  /** Whether frames wait as they came. */
  get holdsFrames(): boolean {
    return this.#held.length > 0 || this.#writer.holdsFrames;
  }

  /** Flags the open segment as damaged. */
  damage(): void {
    this.#writer.damage();
  }

  /** The reference closed a part or segment at media time `atUs`. */
  boundary(kind: Boundary['kind'], atUs: number): void {
    this.#boundaries.push({ kind, atTicks: usToTicks(atUs, this.track.timescale) });
  }

  /** Holds a frame until the reference has passed it. Drops one that is too far ahead. */
  push(frame: Frame): void {
    if (frame.pts - this.#edge > this.#ahead + HELD_FOR_S * this.track.timescale) this.#writer.damage();
    else this.#held.push(frame);
  }

  /**
   * Writes the held frames whose segment is known, and closes the boundaries that are due.
   *
   * @param edgeUs media time up to which the reference is known, µs: no boundary will come before it
   */
  drain(edgeUs: number): void {
    const edge = usToTicks(edgeUs, this.track.timescale);
    this.#edge = edge;
    if (this.#held.length === 0 && this.#boundaries.length === 0) return;
    let used = 0;
    for (let frame = this.#held[0]; frame; frame = this.#held[used]) {
      const boundary = this.#boundaries[0];
      if (boundary && frame.pts >= boundary.atTicks) {
        this.#close(boundary, HOLE_FRAMES);
        continue;
      }
      // A frame that would exceed PART-TARGET or TARGETDURATION always waits for the reference.
      const waits = this.#held.at(-1)!.pts - edge < this.#ahead || !this.#fits(frame);
      if (frame.pts >= edge && waits) break;
      used++;
      this.#use(frame);
    }
    // Usually one frame: `pop` keeps the room of the array for the next.
    if (used === 1 && this.#held.length === 1) this.#held.pop();
    else if (used > 0) this.#held.splice(0, used);
    if (this.#boundaries.length > 0) this.#closeDue(edge);
  }

  /** Apart from `drain`, which is called for each frame and would allocate what these functions refer to. */
  #closeDue(edge: number): void {
    if (this.#held.length === 0) this.#closeWhile((boundary) => this.#isPast(boundary));
    this.#closeWhile((boundary) => edge - boundary.atTicks >= this.#behind);
  }

  /**
   * A burst is over: closes the boundaries that the track has reached, and those more than `behindUs` before
   * the edge.
   *
   * @param behindUs µs
   */
  settle(edgeUs: number, behindUs: number): void {
    this.drain(edgeUs);
    const until = usToTicks(edgeUs - behindUs, this.track.timescale);
    this.#closeWhile(({ atTicks }) => atTicks <= Math.max(until, this.#expected));
  }

  /** @param isFollowed the next frame has come */
  #closeWhile(due: (boundary: Boundary) => boolean, { isFollowed = false } = {}): void {
    for (let next = this.#boundaries[0]; next && due(next); next = this.#boundaries[0]) {
      // Silence that begins the next segment would leave even a small hole before it. The next part may begin
      // with frames that are late.
      this.#close(next, next.kind === 'segment' && !isFollowed ? 0 : HOLE_FRAMES);
    }
  }

  /**
   * The run ended, or rests: writes all held frames, closes every boundary and the open segment.
   *
   * @param edgeUs media time at which the reference ended, µs
   * @param open the last segment of the reference has no boundary at its end
   */
  end(edgeUs: number, { open }: { open: boolean }): void {
    const last = open ? undefined : this.#boundaries.at(-1);
    for (const frame of this.#held.splice(0)) {
      this.#closeWhile((next) => next !== last && frame.pts >= next.atTicks, { isFollowed: true });
      // After the end of the reference there is a gap: this track alone counts as no media.
      if (this.#boundaries.length === 0 && !this.#fitsSegment(frame)) this.#writer.damage();
      else {
        if (!this.#writer.fitsPart(frame)) this.#closePart();
        this.#use(frame);
      }
    }
    this.#closeWhile((next) => next !== last);
    // Up to the end of the video and a little beyond: hls.js 1.7 never reaches the end of a playlist whose
    // runs meet with a hole.
    this.#fill(usToTicks(edgeUs, this.track.timescale), 0);
    this.#closeWhile(() => true);
    if (!open) return;
    this.#closePart();
    this.#start = usToTicks(edgeUs, this.track.timescale);
    this.#output.segment(this.track, this.#writer.closeSegment());
  }

  /** Whether the last frame ends at the boundary: the part is closed without waiting for the next frame. */
  #isPast({ kind, atTicks }: Boundary): boolean {
    // A segment waits for a frame that starts a little early; a part takes it anyway.
    const jitter = kind === 'segment' ? JITTER_S * this.track.timescale : 0;
    return atTicks + jitter <= this.#expected;
  }

  #fits(frame: Frame): boolean {
    return this.#writer.fitsPart(frame) && this.#fitsSegment(frame);
  }

  /** Whether the segment stays within its maximum with the frame and the silence before it. */
  #fitsSegment(frame: Frame): boolean {
    return this.#writer.fitsSegment(frame, Math.max(this.#expected, this.#start));
  }

  #use(frame: Frame): void {
    if (frame.pts < this.#runStart) return;
    const start = this.#start - ROUNDING_S * this.track.timescale;
    const late = frame.dts <= this.#lastDts || (!this.#writer.first && frame.pts < start);
    if (late) {
      this.#writer.damage();
      return;
    }
    if (this.#meets) this.#meet(frame);
    else this.#fill(frame.dts - this.#frameTicks / 2);
    this.#add(frame);
  }

  #add(frame: Frame): void {
    this.#lastDts = frame.dts;
    this.#expected = frame.dts + frame.duration;
    this.#writer.add(frame);
  }

  /** @param leastFrames a hole before the boundary that is smaller stays */
  #close(boundary: Boundary, leastFrames: number): void {
    this.#boundaries.shift();
    this.#fill(boundary.atTicks, leastFrames);
    this.#closePart();
    if (boundary.kind === 'part') return;
    this.#start = boundary.atTicks;
    this.#output.segment(this.track, this.#writer.closeSegment());
  }

  #closePart(): void {
    const part = this.#writer.closePart();
    if (part) this.#output.part(this.track, part);
  }

  /**
   * Writes silence up to `toTicks` where audio has a hole: without audio, players stall the video
   * (docs/media.md 15).
   */
  #fill(toTicks: number, leastFrames = HOLE_FRAMES): void {
    const from = Math.max(this.#expected, this.#start);
    const missing = toTicks - from;
    if (this.#isNothing(missing) || missing < leastFrames * this.#frameTicks) return;
    this.#addSilence(from, missing, this.#frameTicks);
  }

  /**
   * Writes silence from the start of the run to its first audio frame. Frame durations are stretched a
   * little, so that the audio keeps its time.
   */
  #meet(first: Frame): void {
    this.#meets = false;
    const from = this.#expected; // the first cut, or the end of the silence written so far
    const missing = first.dts - from;
    if (this.#isNothing(missing)) return;
    this.#addSilence(from, missing, missing / Math.max(1, Math.round(missing / this.#frameTicks)));
  }

  /** Whether a hole of this many ticks needs no silence. */
  #isNothing(ticks: number): boolean {
    return this.#frameTicks === 0 || ticks <= ROUNDING_S * this.track.timescale;
  }

  /** @param frameTicks duration of a frame, may have a fraction */
  #addSilence(from: number, missing: number, frameTicks: number): void {
    this.#writer.damage();
    const data = this.#silence;
    if (!data) return;
    for (let i = 0; i * frameTicks < missing; i++) {
      const dts = from + Math.round(i * frameTicks);
      const duration = from + Math.round((i + 1) * frameTicks) - dts;
      if (duration > 0) this.#add({ trackId: this.track.id, dts, pts: dts, duration, key: true, data });
    }
  }
}

/**
 * Gives each run of a stream its place in UTC, and moves it while it is measured or its clock drifts
 * (docs/media.md 1 to 3).
 * In: runs as their publishers announce them, frames of the reference track. Out: the context of each run.
 */
import assert from 'node:assert/strict';
import type { Frame, Track } from '@oxbow/media/frame';
import { type Run, ticksToUs } from '@oxbow/media/run';
import type { Clock } from '../../lib/clock.ts';
import type { InputPlacement, RunStart, SourceSegment } from '../input.ts';
import type { PendingRun } from '../pending-run.ts';
import type { RunContext } from '../sink.ts';
import { ArrivalPace } from './arrival-pace.ts';
import { CLOCK_SET_FORWARD, REANCHOR_AFTER_US, Reanchor } from './reanchor.ts';
import { OpenPlacement, placeRun, reanchored } from './run-placement.ts';
import type { StreamEdge } from './stream-edge.ts';

/** The first key frame of a run, with its context. */
interface FirstFrame {
  readonly first: Frame;
  readonly reference: Track;
  /** The segment of the source's playlist that it is in. */
  readonly segment: SourceSegment | undefined;
  /** What is added to all timestamps of the run, µs; see TimestampShift. */
  readonly shiftUs: number;
}

/** What the owner of a stream reads of it. */
export interface StreamPlacement extends InputPlacement {
  /** The current run; undefined while media is missing. */
  readonly context: RunContext | undefined;
  /** How far the wall clock is ahead of the stream's UTC, µs; undefined for sources with their own clock. */
  readonly skewUs: number | undefined;
}

/** The current run of a stream in UTC. */
export class Placement implements StreamPlacement {
  /** The announced run that waits for its first key frame. */
  pending: PendingRun | undefined;
  context: RunContext | undefined;
  /** Last RunStart of the publisher, with the UTC offset that the stream uses. */
  start: RunStart | undefined;
  readonly #edge: StreamEdge;
  readonly #settled: (context: RunContext) => void;
  readonly #pace: ArrivalPace;
  readonly #reanchors: Reanchor;
  /** Set while the UTC offset of the run may still move back. */
  #opening: OpenPlacement | undefined;
  /** Of the last run. */
  #utcOffsetUs: number | undefined;

  /** @param settled called when the UTC offset of the run has become final */
  constructor(clock: Clock, edge: StreamEdge, settled: (context: RunContext) => void) {
    this.#edge = edge;
    this.#settled = settled;
    this.#pace = new ArrivalPace(clock);
    this.#reanchors = new Reanchor(clock);
  }

  get mediaEndUs(): number | undefined {
    return this.#edge.mediaEndUs;
  }

  get utcOffsetUs(): number | undefined {
    return this.context && !this.pending ? this.#utcOffsetUs : undefined;
  }

  get skewUs(): number | undefined {
    return this.context && this.#reanchors.skewUs;
  }

  /** A publisher says where its media belongs: earlier measurements do not hold for it. */
  reset(): void {
    this.#pace.reset();
  }

  /** A burst of the source ended. */
  flush(): void {
    this.#reanchors.flush();
  }

  /** Takes the first frame of the reference track of a pending run. */
  place(pending: PendingRun, first: Frame, reference: Track): void {
    this.start = this.#pace.place(pending, first, reference.timescale, this.#edge.endUs);
  }

  /**
   * Begins a pending run: fixes its UTC offset, that of the source, moved forward if UTC would run back
   * (docs/media.md 2).
   */
  begin({ start, keylessUs }: PendingRun, { first, reference, segment, shiftUs }: FirstFrame): RunContext {
    const ptsUs = ticksToUs(first.pts, reference.timescale);
    const { endUs, mediaEndUs, filledUs, gaps } = this.#edge;
    const { arrival, ...runStart } = start;
    const { leastUs, wantedUs, startUs, overlaps, isHole } = placeRun({
      ptsUs,
      endUs,
      keylessUs,
      hasMedia: mediaEndUs !== undefined,
      filledUs,
      offsetUs: arrival?.offsetUs ?? start.utcOffsetUs,
      segment,
    });
    if (isHole && this.#reanchors.isStepped) gaps.note('clock', CLOCK_SET_FORWARD, endUs);
    if (overlaps && isHole) gaps.note('source-skipped', 'the media did not begin with a key frame', endUs);
    const missing = isHole ? gaps.cover(endUs, startUs) : [];
    this.#edge.begin(startUs);
    const utcOffsetUs = startUs - ptsUs;
    const run: Run = { id: this.#edge.nextRun(), utcOffsetUs: utcOffsetUs - shiftUs, clock: start.clock };
    this.#opening = arrival && new OpenPlacement({ arrival, ptsUs, leastUs, endUs, fix: () => this.fix() });
    const { tracks, pace } = start;
    const context: RunContext = { run, tracks, reference, pace, startUs, gaps: missing };
    this.context = this.#opening ? { ...context, opening: this.#opening } : context;
    this.start = { ...runStart, utcOffsetUs };
    this.#utcOffsetUs = utcOffsetUs;
    this.#reanchors.begin(start, { utcOffsetUs, joins: !isHole, behindUs: startUs - wantedUs });
    this.#pace.begin(utcOffsetUs + ticksToUs(first.dts, reference.timescale));
    return this.context;
  }

  /** Fixes the UTC offset of the run, if its measurement has ended. Called for every frame. */
  settle(): void {
    if (this.#opening?.isOver) this.fix();
  }

  /**
   * Fixes the UTC offset of the run, if it may still move back: it is that of the frame that waited least
   * (docs/media.md 2).
   */
  fix(): void {
    const opening = this.#opening;
    if (!opening) return;
    this.#opening = undefined;
    const { context, start } = this;
    assert(context && start);
    const { settled, behindUs } = opening.fix(context);
    this.context = settled;
    const backUs = context.startUs - settled.startUs;
    if (backUs > 0) {
      const utcOffsetUs = start.utcOffsetUs - backUs;
      this.start = { ...start, utcOffsetUs };
      this.#utcOffsetUs = utcOffsetUs;
      this.#edge.moveBack(backUs);
      this.#pace.moved(-backUs);
      this.#reanchors.begin(this.start, { utcOffsetUs, joins: settled.gaps.length === 0, behindUs });
    }
    this.#settled(settled);
  }

  /**
   * Moves the UTC offset forward at a key frame if it has drifted too far behind the wall clock
   * (docs/media.md 1 and 3).
   *
   * @returns the run from this frame on; undefined where nothing has moved
   */
  reanchor(context: RunContext, frame: Frame, segment: SourceSegment | undefined): RunContext | undefined {
    const { start } = this;
    if (!start) return undefined;
    const { timescale } = context.reference;
    const ptsUs = ticksToUs(frame.pts, timescale);
    const isSettled = start.utcOffsetUs + ptsUs - context.startUs >= REANCHOR_AFTER_US;
    const dueUs = this.#reanchors.dueUs(frame, timescale, segment, isSettled);
    if (dueUs === 0) return undefined;
    const utcOffsetUs = start.utcOffsetUs + dueUs;
    this.start = { ...start, utcOffsetUs };
    this.#utcOffsetUs = utcOffsetUs;
    this.#pace.moved(dueUs);
    this.context = reanchored(context, {
      id: this.#edge.nextRun(),
      dueUs,
      startUs: utcOffsetUs + ptsUs,
      endUs: this.#edge.endUs,
      detail: this.#reanchors.detail,
    });
    return this.context;
  }

  /** A frame of the reference track is published. */
  add(frame: Frame, { timescale }: Track): void {
    assert(this.start);
    const { utcOffsetUs } = this.start;
    this.#edge.extend(utcOffsetUs + ticksToUs(frame.pts + frame.duration, timescale));
    this.#pace.add(frame, utcOffsetUs + ticksToUs(frame.dts, timescale));
  }
}

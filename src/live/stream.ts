/**
 * A live stream: takes a publisher's frames, fixes the UTC offset of each run, and passes the frames to its
 * sinks.
 * In: ingest, through StreamInput. Out: packager and other sinks. docs/media.md 1 to 5.
 */
import assert from 'node:assert/strict';
import type { GapCause } from '../api/gap.ts';
import type { Clock } from '../lib/clock.ts';
import { Emitter, type Subscribable } from '../lib/events.ts';
import type { Frame, Track } from '../media/frame.ts';
import { type Run, ticksToUs } from '../media/run.ts';
import type { StreamGap } from '../media/segment.ts';
import { ArrivalPace } from './arrival-pace.ts';
import { ClippedTime, isKnown } from './clipping.ts';
import { Continuity } from './continuity.ts';
import { GapLog } from './gap-log.ts';
import type { RunStart, SourceSegment, StreamInput } from './input.ts';
import { KeyFrameRequests } from './key-frame-requests.ts';
import { KeyWatch } from './key-watch.ts';
import { DEFAULT_STREAM_BYTES, MemoryBudget } from './memory-budget.ts';
import { dropBefore, framesFrom, hold, type PendingRun } from './pending-run.ts';
import { type Loss, type LossCause, pressureOf, type StreamPressure } from './pressure.ts';
import { CLOCK_SET_FORWARD, REANCHOR_AFTER_US, Reanchor } from './reanchor.ts';
import { referenceOf } from './reference.ts';
import { OpenPlacement, placeRun, reanchored } from './run-placement.ts';
import type { RunContext, Sink } from './sink.ts';
import { type AttachOptions, SinkList } from './sink-list.ts';
import type { PressureChange, StreamEvent } from './stream-event.ts';
import type { StreamOptions } from './stream-options.ts';
import { SuspendedRun } from './suspended-run.ts';
import { TimestampShift } from './timestamp-shift.ts';

/** One live stream. Its publisher uses it as StreamInput. */
export class Stream implements StreamInput {
  /**
   * Its live playlist shows a picture up to here while the publisher is away, µs since 1970: no run begins
   * before it.
   */
  filledUs = Number.NEGATIVE_INFINITY;
  /** The frames that wait in its sinks and its GOP buffer. */
  readonly memory: MemoryBudget;
  readonly #clock: Clock;
  readonly #sinks: SinkList;
  readonly #ready: StreamInput['ready'];
  readonly #events = new Emitter<StreamEvent>();
  readonly #gaps = new GapLog();
  #lastRun: number;
  #endUs: number;
  #hasMedia: boolean;
  readonly #shift = new TimestampShift();
  /** The announced run that waits for its first key frame. */
  #pending: PendingRun | undefined;
  #context: RunContext | undefined;
  /** Last RunStart of the publisher, with the UTC offset that the stream uses. */
  #start: RunStart | undefined;
  /** The current segment of the source's playlist. */
  #segment: SourceSegment | undefined;
  readonly #clipped = new ClippedTime((durationUs) => this.#events.emit({ type: 'clipped', durationUs }));
  readonly #continuity = new Continuity();
  /** First video track, otherwise first audio track. */
  #reference: Track | undefined;
  /** The last frame of the reference track, and the last dts by track id. */
  #last: Frame | undefined;
  readonly #lastDts = new Float64Array(256).fill(Number.NEGATIVE_INFINITY);
  /** A run whose publisher has left and may return. */
  #suspended: SuspendedRun | undefined;
  readonly #pace: ArrivalPace;
  #keys = new KeyWatch();
  /** Set while the UTC offset of the run may still move back. */
  #placement: OpenPlacement | undefined;
  readonly #keyFrameRequests: KeyFrameRequests;
  readonly #reanchors: Reanchor;
  /** The UTC offset of the last run. */
  #utcOffsetUs: number | undefined;

  constructor(options: StreamOptions) {
    this.#clock = options.clock;
    this.#reanchors = new Reanchor(options.clock);
    this.#pace = new ArrivalPace(options.clock);
    this.#ready = options.ready;
    this.memory = new MemoryBudget(options.memory?.streamBytes ?? DEFAULT_STREAM_BYTES, options.memory?.total, (view) =>
      this.pressed({ sink: undefined, ...view }),
    );
    const { memory } = this;
    this.#sinks = new SinkList(options.clock, (event) => this.#events.emit(event), { gop: options.gop, memory });
    this.#keyFrameRequests = new KeyFrameRequests(options.clock, () => this.#start?.requestKeyFrame);
    this.#endUs = options.past.endUs;
    this.#hasMedia = options.past.hasMedia;
    this.#lastRun = options.past.lastRun;
    this.#gaps.seed(options.past.gaps);
  }

  /**
   * Passes each frame to a sink, until the result is disposed. A sink attached within a run gets it from the
   * next key frame on, or from the last one with `fromKeyFrame`: its context then has the start of that key
   * frame, and no gaps.
   */
  attach(sink: Sink, options: AttachOptions): Disposable {
    if (options.fromKeyFrame && this.#sinks.needsKeyFrame) this.requestKeyFrame();
    return this.#sinks.attach(sink, options);
  }

  /** Keeps the current GOP for later sinks with `fromKeyFrame`, until the result is disposed. */
  bufferGop(): Disposable {
    return this.#sinks.bufferGop();
  }

  /**
   * Requests a key frame from the source, at most once a second until one comes; returns false if the source
   * has no such request.
   */
  requestKeyFrame(): boolean {
    return this.#keyFrameRequests.request();
  }

  /** Adds frames that a sink dropped to the reported loss of its name. */
  lost(sink: string, cause: LossCause, loss: Loss): void {
    this.#sinks.lost(sink, cause, loss);
  }

  /** Reports that the level of a sink's queue has changed. */
  pressed({ sink, level, bytes, maxBytes }: PressureChange): void {
    this.#events.emit({ type: 'pressure', sink, level, bytes, maxBytes });
  }

  /** How full its sinks, its GOP buffer and its memory are, and what its sinks lost. */
  pressure(): StreamPressure {
    const { views: sinks, gopView: gop } = this.#sinks;
    return pressureOf(this.memory, gop, sinks);
  }

  /** Detaches all sinks. Call `offline` before. */
  [Symbol.dispose](): void {
    this.#sinks.close();
  }

  /** The id of a run that begins now. */
  nextRun(): number {
    return ++this.#lastRun;
  }

  /** State changes, for the API and the log. */
  get events(): Subscribable<StreamEvent> {
    return this.#events;
  }

  /** End of the published media, or the creation of the stream while it has none; µs since 1970. */
  get endUs(): number {
    return this.#endUs;
  }

  get mediaEndUs(): number | undefined {
    return this.#hasMedia ? this.#endUs : undefined;
  }

  get utcOffsetUs(): number | undefined {
    return this.#context && !this.#pending ? this.#utcOffsetUs : undefined;
  }

  /** The current run; undefined while media is missing. */
  get context(): RunContext | undefined {
    return this.#gaps.open ? undefined : this.#context;
  }

  /** Why media is missing now, or undefined while it flows. */
  get gap(): Pick<StreamGap, 'cause' | 'detail'> | undefined {
    return this.#gaps.current;
  }

  /** How far the wall clock is ahead of the stream's UTC, µs; undefined for sources with their own clock. */
  get skewUs(): number | undefined {
    return this.context && this.#reanchors.skewUs;
  }

  /** The gaps from `fromUs`, µs since 1970, until now; empty while media flows. */
  gapsSince(fromUs: number): StreamGap[] {
    return this.#gaps.open ? this.#gaps.cover(fromUs, this.#nowUs()) : [];
  }

  async ready(options: { signal: AbortSignal }): Promise<void> {
    await this.#ready?.(options);
  }

  startRun(start: RunStart): void {
    assert(start.tracks.length > 0, 'a run has at least one track');
    this.#pace.reset();
    this.#announce(start);
  }

  #announce(start: RunStart, wentBack = false): void {
    this.#fixOffset();
    this.#clipped.flush();
    if (this.#suspended && !this.#suspended.mayContinue(start, this.#clock.monotonicMs())) this.endSuspended();
    this.#start = start;
    this.#reference = referenceOf(start.tracks);
    this.#continuity.begin(start.tracks, start.clock === 'arrival' && start.pace.kind === 'continuous');
    this.#pending = { start, waiting: [], waitingBytes: 0, wentBack };
    this.#segment = undefined;
    this.#keys = new KeyWatch();
  }

  nextSegment(segment: SourceSegment): void {
    this.#segment = segment;
  }

  publish(frame: Frame): void {
    // After a gap the same media may come back, under the same UTC offset.
    if (!this.#pending && !this.#context && this.#start) this.#announce(this.#start);
    assert(this.#pending ?? this.#context, 'startRun comes before publish');
    if (this.#suspended && this.#pending) {
      this.#return(this.#suspended, this.#pending, frame);
      return;
    }
    const isReference = frame.trackId === this.#reference?.id;
    if (isReference && !this.#admits(frame)) return;
    if (this.#pending) this.#publishPending(this.#pending, frame);
    else if (isReference) this.#writeReference(this.#reanchor(this.#context!, frame), frame);
    else this.#write(frame);
    if (this.#placement?.isOver) this.#fixOffset();
  }

  jumps(frame: Frame): boolean {
    if (!this.#pending && !this.#context) return false;
    const jump = this.#continuity.jump(frame);
    if (jump?.isAhead) this.absent('source-skipped', jump.detail);
    else if (jump) this.damage(jump.detail);
    return jump !== undefined;
  }

  flush(): void {
    this.#reanchors.flush();
    this.#sinks.flush();
  }

  absent(cause: GapCause | 'offline', detail: string): void {
    this.#miss(cause, detail);
  }

  suspend(detail: string): void {
    this.#fixOffset();
    const context = this.#context;
    const start = this.#start;
    const last = this.#last;
    if (context && start && last && !this.#pending) {
      const state = { context, start, last, lastDts: this.#lastDts.slice() };
      this.#suspended = new SuspendedRun(state, this.#clock.monotonicMs());
      this.#context = undefined;
      this.#note('offline', detail);
    } else this.#miss('offline', detail);
    this.#start = undefined;
  }

  /** Ends the run: no media is expected from now on (stopped, paused or unpublished). */
  offline(detail: string): void {
    this.#miss('offline', detail);
    this.#start = undefined;
  }

  damage(reason: string): void {
    this.#sinks.damage();
    this.#events.emit({ type: 'damage', reason });
  }

  #nowUs(): number {
    return Math.round(this.#clock.nowMs() * 1000);
  }

  #miss(cause: GapCause | 'offline', detail: string): void {
    this.#fixOffset();
    this.#clipped.flush();
    this.#pending = undefined;
    if (this.#context || this.#suspended) {
      this.#context = undefined;
      this.#suspended = undefined;
      this.#sinks.endRun();
    }
    this.#note(cause, detail);
  }

  #note(cause: GapCause | 'offline', detail: string): void {
    const atUs = Math.max(this.#nowUs(), this.#endUs);
    const mayContinue = this.#suspended !== undefined;
    this.#gaps.note(cause, detail, atUs);
    this.#events.emit({ type: 'absent', cause, detail, atUs, mayContinue });
  }

  /**
   * Holds frames before the first key frame of the reference track; frames of other tracks after it are kept.
   */
  #publishPending(pending: PendingRun, frame: Frame): void {
    const reference = this.#reference!;
    if (frame.trackId !== reference.id) {
      hold(frame, pending);
      return;
    }
    const firstUs = ticksToUs(frame.pts, reference.timescale);
    if (!pending.isPlaced) this.#start = this.#pace.place(pending, frame, reference.timescale, this.#endUs);
    if (frame.key) pending.clips = this.#hasMedia && isKnown(firstUs, this.#endUs, this.#segment);
    if (pending.clips) {
      this.#clipped.add(ticksToUs(frame.duration, reference.timescale));
      if (frame.key) dropBefore(firstUs, pending);
      return;
    }
    if (!frame.key) {
      this.#watchKeys(frame);
      this.requestKeyFrame();
      pending.keylessUs = Math.min(pending.keylessUs ?? firstUs, firstUs);
      return;
    }
    this.#clipped.flush();
    this.#pending = undefined;
    this.#shift.begin(frame, reference, pending.start.tracks);
    const context = this.#begin(pending, reference, firstUs);
    this.#pace.begin(this.#start!.utcOffsetUs + ticksToUs(frame.dts, reference.timescale));
    this.#writeReference(context, frame);
    for (const early of framesFrom(firstUs, pending)) this.#write(early);
  }

  /**
   * Fixes the run's UTC offset: that of the source, moved forward if UTC would run back (docs/media.md 2).
   */
  #begin({ start, keylessUs }: PendingRun, reference: Track, ptsUs: number): RunContext {
    const endUs = this.#endUs;
    const { arrival } = start;
    const { leastUs, wantedUs, startUs, overlaps, isHole } = placeRun({
      ptsUs,
      endUs,
      keylessUs,
      hasMedia: this.#hasMedia,
      filledUs: this.filledUs,
      offsetUs: arrival?.offsetUs ?? start.utcOffsetUs,
      segment: this.#segment,
    });
    if (isHole && this.#reanchors.isStepped) this.#gaps.note('clock', CLOCK_SET_FORWARD, endUs);
    if (overlaps && isHole) this.#gaps.note('source-skipped', 'the media did not begin with a key frame', endUs);
    const gaps = isHole ? this.#gaps.cover(endUs, startUs) : [];
    if (!this.#hasMedia) this.#endUs = startUs;
    this.#hasMedia = true;
    const utcOffsetUs = startUs - ptsUs;
    const run: Run = { id: this.nextRun(), utcOffsetUs: utcOffsetUs - this.#shift.us, clock: start.clock };
    this.#lastDts.fill(Number.NEGATIVE_INFINITY);
    this.#placement = arrival && new OpenPlacement({ arrival, ptsUs, leastUs, endUs, fix: () => this.#fixOffset() });
    const opening = this.#placement && { opening: this.#placement };
    const context: RunContext = { run, tracks: start.tracks, reference, pace: start.pace, startUs, gaps, ...opening };
    const { arrival: _, ...found } = start;
    this.#start = { ...found, utcOffsetUs };
    this.#reanchors.begin(start, { utcOffsetUs, joins: !isHole, behindUs: startUs - wantedUs });
    this.#utcOffsetUs = utcOffsetUs;
    this.#enter(context);
    return context;
  }

  /**
   * Fixes the UTC offset of the run, if it may still move back: it is that of the frame that waited least
   * (docs/media.md 2).
   */
  #fixOffset(): void {
    const placement = this.#placement;
    if (!placement) return;
    this.#placement = undefined;
    const context = this.#context;
    assert(context && this.#start);
    const { settled, behindUs } = placement.fix(context);
    this.#context = settled;
    const backUs = context.startUs - settled.startUs;
    if (backUs > 0) {
      const utcOffsetUs = this.#start.utcOffsetUs - backUs;
      this.#start = { ...this.#start, utcOffsetUs };
      this.#utcOffsetUs = utcOffsetUs;
      this.#endUs -= backUs;
      this.#pace.moved(-backUs);
      this.#reanchors.begin(this.#start, { utcOffsetUs, joins: settled.gaps.length === 0, behindUs });
    }
    this.#sinks.settle(settled);
  }

  /** No publisher will continue the suspended run, if there is one. */
  endSuspended(): void {
    if (!this.#suspended) return;
    this.#suspended = undefined;
    this.#sinks.endRun();
  }

  /** A publisher has returned: its media continues the suspended run, or begins another one. */
  #return(suspended: SuspendedRun, pending: PendingRun, frame: Frame): void {
    const { decision, frames } = suspended.take(frame, pending, this.#clock.monotonicMs());
    if (decision === 'wait') return;
    if (decision === 'other') this.endSuspended();
    else {
      const { context, last } = suspended.state;
      this.#suspended = undefined;
      this.#pending = undefined;
      this.#context = context;
      this.#start = suspended.continuedBy(pending.start);
      this.#continuity.add(last);
      this.#gaps.clear();
      this.#events.emit({ type: 'continued', context });
    }
    for (const each of frames) this.publish(each);
  }

  #enter(context: RunContext): void {
    this.#gaps.clear();
    this.#context = context;
    this.#sinks.startRun(context);
    this.#events.emit({ type: 'run', context });
  }

  /**
   * Checks the time of a reference frame; begins a run at a jump. False for a late frame, which is dropped.
   */
  #admits(frame: Frame): boolean {
    const isLate = this.#continuity.isLate(frame);
    // Timestamps restart only at a key frame.
    if ((!isLate || frame.key) && this.jumps(frame)) {
      this.#restart(isLate);
    } else if (isLate) {
      this.damage('a frame came after its time and was dropped');
      return false;
    } else if (!this.#pending && this.#continuity.isMissingBefore(frame)) this.damage('frames are missing');
    this.#continuity.add(frame);
    return true;
  }

  /** Begins a run at a jump of the timestamps. */
  #restart(wentBack: boolean): void {
    assert(this.#start);
    this.#fixOffset();
    if (this.#context) this.#sinks.endRun();
    const { arrival: _, ...start } = this.#start;
    this.#announce(start, wentBack);
  }

  /**
   * Moves the UTC offset forward at a key frame if it has drifted too far behind the wall clock
   * (docs/media.md 1 and 3).
   */
  #reanchor(context: RunContext, frame: Frame): RunContext {
    const start = this.#start;
    if (!start) return context;
    const { timescale } = context.reference;
    const ptsUs = ticksToUs(frame.pts, timescale);
    const isSettled = start.utcOffsetUs + ptsUs - context.startUs >= REANCHOR_AFTER_US;
    const dueUs = this.#reanchors.dueUs(frame, timescale, this.#segment, isSettled);
    if (dueUs === 0) return context;
    this.#start = { ...start, utcOffsetUs: start.utcOffsetUs + dueUs };
    this.#utcOffsetUs = this.#start.utcOffsetUs;
    this.#pace.moved(dueUs);
    const own = { startUs: this.#utcOffsetUs + ptsUs, endUs: this.#endUs, detail: this.#reanchors.detail };
    const soft = reanchored(context, { id: this.nextRun(), dueUs, ...own });
    this.#enter(soft);
    return soft;
  }

  #watchKeys(frame: Frame): void {
    this.#keyFrameRequests.add(frame);
    if (this.#keys.add(frame, this.#reference!.timescale)) this.#events.emit({ type: 'keyless' });
  }

  #writeReference({ reference }: RunContext, frame: Frame): void {
    this.#watchKeys(frame);
    assert(this.#start);
    const end = this.#start.utcOffsetUs + ticksToUs(frame.pts + frame.duration, reference.timescale);
    if (end > this.#endUs) this.#endUs = end;
    this.#pace.add(frame, this.#start.utcOffsetUs + ticksToUs(frame.dts, reference.timescale));
    this.#last = frame;
    this.#write(frame);
  }

  #write(frame: Frame): void {
    this.#lastDts[frame.trackId] = frame.dts;
    this.#sinks.write(this.#shift.apply(frame));
  }
}

/**
 * A live stream: takes a publisher's frames, fixes the UTC offset of each run, and passes the frames to its
 * sinks.
 * In: ingest, through StreamInput. Out: packager and other sinks. docs/media.md 1 to 5.
 */
import assert from 'node:assert/strict';
import type { Frame, Track } from '@oxbow/media/frame';
import type { GapCause } from '@oxbow/media/gap';
import { ticksToUs } from '@oxbow/media/run';
import type { Clock } from '../lib/clock.ts';
import { Emitter, type Subscribable } from '../lib/events.ts';
import { ClippedTime, isKnown } from './clipping.ts';
import { Continuity } from './continuity.ts';
import type { RunStart, SourceSegment, StreamInput } from './input.ts';
import { KeyFrameRequests } from './key-frame-requests.ts';
import { KeyWatch } from './key-watch.ts';
import { dropBefore, framesFrom, hold, type PendingRun } from './pending-run.ts';
import { Placement, type StreamPlacement } from './placement/placement.ts';
import { StreamEdge } from './placement/stream-edge.ts';
import { referenceOf } from './reference.ts';
import type { RunContext } from './sink.ts';
import { SinkList } from './sink-list.ts';
import type { StreamEvent } from './stream-event.ts';
import type { StreamOptions } from './stream-options.ts';
import { SuspendedRun } from './suspended-run.ts';
import { TimestampShift } from './timestamp-shift.ts';

/** One live stream. Its publisher uses it as StreamInput. */
export class Stream implements StreamInput {
  /** Where its frames go. */
  readonly sinks: SinkList;
  /** Where its media ends. */
  readonly edge: StreamEdge;
  readonly #clock: Clock;
  readonly #ready: StreamInput['ready'];
  readonly #events = new Emitter<StreamEvent>();
  readonly #placement: Placement;
  readonly #keyFrames: KeyFrameRequests;
  readonly #shift = new TimestampShift();
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
  #keys = new KeyWatch();

  constructor({ clock, ready, past, memory, gop }: StreamOptions) {
    this.#clock = clock;
    this.#ready = ready;
    this.edge = new StreamEdge(clock, past);
    this.#placement = new Placement(clock, this.edge, (context) => this.sinks.settle(context));
    this.#keyFrames = new KeyFrameRequests(clock, () => this.#placement.start?.requestKeyFrame);
    this.sinks = new SinkList({
      clock,
      gop,
      memory,
      keyFrames: this.#keyFrames,
      emit: (event) => this.#events.emit(event),
    });
  }

  /** State changes, for the API and the log. */
  get events(): Subscribable<StreamEvent> {
    return this.#events;
  }

  /** Where its media is in UTC. */
  get placement(): StreamPlacement {
    return this.#placement;
  }

  async ready(options: { signal: AbortSignal }): Promise<void> {
    await this.#ready?.(options);
  }

  startRun(start: RunStart): void {
    assert(start.tracks.length > 0, 'a run has at least one track');
    this.#placement.reset();
    this.#announce(start);
  }

  #announce(start: RunStart, wentBack = false): void {
    this.#placement.fix();
    this.#clipped.flush();
    if (this.#suspended && !this.#suspended.mayContinue(start, this.#clock.monotonicMs())) this.endSuspended();
    this.#placement.start = start;
    this.#placement.pending = { start, waiting: [], waitingBytes: 0, wentBack };
    this.#reference = referenceOf(start.tracks);
    this.#continuity.begin(start.tracks, start.clock === 'arrival' && start.pace.kind === 'continuous');
    this.#segment = undefined;
    this.#keys = new KeyWatch();
  }

  nextSegment(segment: SourceSegment): void {
    this.#segment = segment;
  }

  publish(frame: Frame): void {
    const placement = this.#placement;
    // After a gap the same media may come back, under the same UTC offset.
    if (!placement.pending && !placement.context && placement.start) this.#announce(placement.start);
    const { pending, context } = placement;
    assert(pending ?? context, 'startRun comes before publish');
    if (this.#suspended && pending) {
      this.#return(this.#suspended, pending, frame);
      return;
    }
    const isReference = frame.trackId === this.#reference?.id;
    if (isReference && !this.#admits(frame)) return;
    if (placement.pending) this.#publishPending(placement.pending, frame);
    else if (isReference) this.#writeReference(this.#reanchor(placement.context!, frame), frame);
    else this.#write(frame);
    placement.settle();
  }

  jumps(frame: Frame): boolean {
    if (!this.#placement.pending && !this.#placement.context) return false;
    const jump = this.#continuity.jump(frame);
    if (jump?.isAhead) this.absent('source-skipped', jump.detail);
    else if (jump) this.damage(jump.detail);
    return jump !== undefined;
  }

  flush(unused?: () => void): void {
    this.#placement.flush();
    const mayHold = this.sinks.flush();
    // Its bytes are a view of the memory of other frames, which would wait with it for the next burst.
    if (this.#last) this.#last = { ...this.#last, data: this.#last.data.slice() };
    if (!this.#placement.pending && !this.#suspended && !mayHold) unused?.();
  }

  absent(cause: GapCause | 'offline', detail: string): void {
    this.#placement.fix();
    this.#clipped.flush();
    this.#placement.pending = undefined;
    if (this.#placement.context || this.#suspended) {
      this.#placement.context = undefined;
      this.#suspended = undefined;
      this.sinks.endRun();
    }
    this.#note(cause, detail);
  }

  suspend(detail: string): void {
    const placement = this.#placement;
    placement.fix();
    const { context, start, pending } = placement;
    const last = this.#last;
    if (context && start && last && !pending) {
      const state = { context, start, last, lastDts: this.#lastDts.slice() };
      this.#suspended = new SuspendedRun(state, this.#clock.monotonicMs());
      placement.context = undefined;
      this.#note('offline', detail);
    } else this.absent('offline', detail);
    placement.start = undefined;
  }

  /** Ends the run: no media is expected from now on (stopped, paused or unpublished). */
  offline(detail: string): void {
    this.absent('offline', detail);
    this.#placement.start = undefined;
  }

  /** No publisher will continue the suspended run, if there is one. */
  endSuspended(): void {
    if (!this.#suspended) return;
    this.#suspended = undefined;
    this.sinks.endRun();
  }

  damage(reason: string): void {
    this.sinks.damage();
    this.#events.emit({ type: 'damage', reason });
  }

  #note(cause: GapCause | 'offline', detail: string): void {
    const atUs = Math.max(Math.round(this.#clock.nowMs() * 1000), this.edge.endUs);
    const mayContinue = this.#suspended !== undefined;
    this.edge.gaps.note(cause, detail, atUs);
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
    if (!pending.isPlaced) this.#placement.place(pending, frame, reference);
    if (frame.key) pending.clips = this.#isKnown(firstUs);
    if (pending.clips) {
      this.#clipped.add(ticksToUs(frame.duration, reference.timescale));
      if (frame.key) dropBefore(firstUs, pending);
      return;
    }
    if (!frame.key) {
      this.#watchKeys(frame);
      this.#keyFrames.request();
      pending.keylessUs = Math.min(pending.keylessUs ?? firstUs, firstUs);
      return;
    }
    this.#writeReference(this.#begin(pending, reference, frame), frame);
    for (const early of framesFrom(firstUs, pending)) this.#write(early);
  }

  /** Whether the stream has the media from an instant of media time on already, µs. */
  #isKnown(ptsUs: number): boolean {
    const { mediaEndUs } = this.edge;
    return mediaEndUs !== undefined && isKnown(ptsUs, mediaEndUs, this.#segment);
  }

  #begin(pending: PendingRun, reference: Track, first: Frame): RunContext {
    this.#clipped.flush();
    this.#placement.pending = undefined;
    this.#shift.begin(first, reference, pending.start.tracks);
    this.#lastDts.fill(Number.NEGATIVE_INFINITY);
    const { us: shiftUs } = this.#shift;
    return this.#enter(this.#placement.begin(pending, { first, reference, segment: this.#segment, shiftUs }));
  }

  /** A publisher has returned: its media continues the suspended run, or begins another one. */
  #return(suspended: SuspendedRun, pending: PendingRun, frame: Frame): void {
    const { decision, frames } = suspended.take(frame, pending, this.#clock.monotonicMs());
    if (decision === 'wait') return;
    if (decision === 'other') this.endSuspended();
    else {
      const { context, last } = suspended.state;
      this.#suspended = undefined;
      this.#placement.pending = undefined;
      this.#placement.context = context;
      this.#placement.start = suspended.continuedBy(pending.start);
      this.#continuity.add(last);
      this.edge.gaps.clear();
      this.#events.emit({ type: 'continued', context });
    }
    for (const each of frames) this.publish(each);
  }

  #enter(context: RunContext): RunContext {
    this.edge.gaps.clear();
    this.sinks.startRun(context);
    this.#events.emit({ type: 'run', context });
    return context;
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
    } else if (!this.#placement.pending && this.#continuity.isMissingBefore(frame)) this.damage('frames are missing');
    this.#continuity.add(frame);
    return true;
  }

  /** Begins a run at a jump of the timestamps. */
  #restart(wentBack: boolean): void {
    const placement = this.#placement;
    placement.fix();
    assert(placement.start);
    if (placement.context) this.sinks.endRun();
    const { arrival: _, ...start } = placement.start;
    this.#announce(start, wentBack);
  }

  /** The run that a frame of the reference track belongs to: from here on it may have another UTC offset. */
  #reanchor(context: RunContext, frame: Frame): RunContext {
    const moved = this.#placement.reanchor(context, frame, this.#segment);
    return moved ? this.#enter(moved) : context;
  }

  #watchKeys(frame: Frame): void {
    this.#keyFrames.add(frame);
    if (this.#keys.add(frame, this.#reference!.timescale)) this.#events.emit({ type: 'keyless' });
  }

  #writeReference({ reference }: RunContext, frame: Frame): void {
    this.#watchKeys(frame);
    this.#placement.add(frame, reference);
    this.#last = frame;
    this.#write(frame);
  }

  #write(frame: Frame): void {
    this.#lastDts[frame.trackId] = frame.dts;
    this.sinks.write(this.#shift.apply(frame));
  }
}

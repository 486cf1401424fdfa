/**
 * Passes the frames of one stream to its sinks, which come and go at any time.
 * In: live/stream. Out: calls of each sink, in the order in which they were attached.
 */

import type { Frame } from '@oxbow/media/frame';
import { ticksToUs } from '@oxbow/media/run';
import type { Clock } from '../lib/clock.ts';
import { type GopBounds, GopBuffer } from './gop-buffer.ts';
import type { KeyFrameRequests } from './key-frame-requests.ts';
import { LossReport } from './loss-report.ts';
import { DEFAULT_STREAM_BYTES, MemoryBudget } from './memory-budget.ts';
import {
  type GopBufferView,
  type Loss,
  type LossCause,
  pressureOf,
  type SinkView,
  type StreamPressure,
} from './pressure.ts';
import type { RunContext, Sink } from './sink.ts';
import type { PressureChange, SinkEvent } from './stream-event.ts';
import type { StreamOptions } from './stream-options.ts';

/** Options of an attached sink. */
export interface AttachOptions {
  /** What the sink is, for logs and metrics: the same for all sinks of a kind. */
  readonly name: string;
  /**
   * The stream is useless without this sink: its error ends the publisher's call. The error of any other sink
   * detaches only that sink.
   */
  readonly required?: boolean;
  /**
   * Within a run, the sink gets the frames since the last key frame at once. The first such sink of a stream
   * starts the GOP buffer, so it waits for the next key frame, as do sinks that come while the GOP is too
   * large for the buffer.
   */
  readonly fromKeyFrame?: boolean;
}

const NO_LOSS: Loss = { gops: 0, frames: 0 };
const NO_LOSSES = { slow: NO_LOSS, 'gop-too-large': NO_LOSS, memory: NO_LOSS };

type Attached = AttachOptions & { readonly sink: Sink; readonly gopBuffer: Disposable | undefined };

/** What the sinks of a stream are created with. */
interface SinkListOptions extends Pick<StreamOptions, 'clock' | 'gop' | 'memory'> {
  readonly keyFrames: KeyFrameRequests;
  readonly emit: (event: SinkEvent) => void;
}

/** The sinks of one stream. */
export class SinkList implements Pick<Sink, 'startRun' | 'write' | 'flush' | 'endRun' | 'damage'> {
  /** The frames that wait in the sinks and the GOP buffer. */
  readonly memory: MemoryBudget;
  readonly #clock: Clock;
  readonly #emit: (event: SinkEvent) => void;
  readonly #keyFrames: KeyFrameRequests;
  readonly #bounds: GopBounds | undefined;
  /**
   * Sinks that have the current run, or wait for the first. Replaced, never changed: calls may attach and
   * detach.
   */
  #active: readonly Attached[] = [];
  /** Sinks that were attached within a run and get it from its next key frame on. */
  #joining: readonly Attached[] = [];
  /** The current run. */
  #context: RunContext | undefined;
  /** Undefined while no sink needs it. */
  #gop: GopBuffer | undefined;
  #gopUsers = 0;
  /** A sink that may hold frames was detached since the last burst. */
  #hasLeft = false;
  /** By the name of the sinks and the cause. */
  readonly #losses = new Map<string, Map<LossCause, LossReport>>();

  constructor({ clock, gop, memory, keyFrames, emit }: SinkListOptions) {
    this.#clock = clock;
    this.#emit = emit;
    this.#keyFrames = keyFrames;
    this.#bounds = gop;
    this.memory = new MemoryBudget(memory?.streamBytes ?? DEFAULT_STREAM_BYTES, memory?.total, (view) =>
      this.pressed({ sink: undefined, ...view }),
    );
  }

  /**
   * A part of the server uses frames as they come: a sink that does not say whether it holds any. The
   * packager and the meters say it.
   */
  get isFollowed(): boolean {
    const follows = ({ sink }: Attached) => sink.holdsFrames === undefined;
    return this.#active.some(follows) || this.#joining.some(follows);
  }

  get #holdsFrames(): boolean {
    if (this.#gop) return true;
    for (const { sink } of this.#active) if (sink.holdsFrames !== false) return true;
    for (const { sink } of this.#joining) if (sink.holdsFrames !== false) return true;
    return false;
  }

  /** How full the sinks, the GOP buffer and the memory are, and what the sinks lost. */
  pressure(): StreamPressure {
    const sinks = [
      ...this.#active.map((each) => viewOf(each, false)),
      ...this.#joining.map((each) => viewOf(each, true)),
    ];
    return pressureOf(this.memory, this.#gopView, sinks);
  }

  get #gopView(): GopBufferView {
    const gop = this.#gop;
    return {
      isKept: gop !== undefined,
      bytes: gop?.bytes ?? 0,
      frames: gop?.gops.reduce((sum, { frames }) => sum + frames.length, 0) ?? 0,
      gops: gop?.gops.length ?? 0,
      seconds: gop?.seconds ?? 0,
      isTooLarge: gop?.isTooLarge ?? false,
    };
  }

  /** Reports that the level of a sink's queue has changed. */
  pressed({ sink, level, bytes, maxBytes }: PressureChange): void {
    this.#emit({ type: 'pressure', sink, level, bytes, maxBytes });
  }

  /**
   * Requests a key frame from the source, at most once a second until one comes; returns false if the source
   * has no such request.
   */
  requestKeyFrame(): boolean {
    return this.#keyFrames.request();
  }

  /**
   * Passes each frame to a sink, until the result is disposed; a call that is being passed to all sinks may
   * still reach it. A sink attached within a run gets it from the next key frame on, or from the last one
   * with `fromKeyFrame`: its context then has the start of that key frame, and no gaps.
   */
  attach(sink: Sink, options: AttachOptions): Disposable {
    const waits = this.#context !== undefined && !this.#gop?.frames.length;
    if (options.fromKeyFrame && waits) this.requestKeyFrame();
    const gopBuffer = options.fromKeyFrame ? this.bufferGop() : undefined;
    const attached: Attached = { ...options, sink, gopBuffer };
    const frames = options.fromKeyFrame ? this.#gop!.frames : [];
    if (this.#context && frames.length === 0) this.#joining = [...this.#joining, attached];
    else this.#active = [...this.#active, attached];
    if (this.#context && frames.length > 0) this.#replay(attached, this.#context, frames);
    return { [Symbol.dispose]: () => this.#detach(attached) };
  }

  /** Keeps the current GOP, from the next key frame on, until all results are disposed. */
  bufferGop(): Disposable {
    this.#gopUsers++;
    this.#gop ??= new GopBuffer(this.#bounds, this.memory);
    let isUsed = true;
    return {
      [Symbol.dispose]: () => {
        if (!isUsed) return;
        isUsed = false;
        if (--this.#gopUsers > 0) return;
        this.#gop?.clear();
        this.#gop = undefined;
      },
    };
  }

  /** Adds frames that a sink dropped to the reported loss of its name. */
  lost(name: string, cause: LossCause, loss: Loss): void {
    const byCause = this.#losses.get(name) ?? new Map<LossCause, LossReport>();
    this.#losses.set(name, byCause);
    let report = byCause.get(cause);
    if (!report) {
      report = new LossReport(this.#clock, (sum) => this.#emit({ type: 'sink-lost', sink: name, cause, ...sum }));
      byCause.set(cause, report);
    }
    report.add(loss);
  }

  /** Detaches all sinks. Call `offline` of the stream before. */
  close(): void {
    for (const attached of [...this.#active, ...this.#joining]) {
      this.#detach(attached);
      attached.sink.detached?.();
    }
  }

  startRun(context: RunContext): void {
    if (!context.soft) this.#activate();
    this.#context = context;
    this.#gop?.clear();
    for (const attached of this.#active) this.#call(attached, () => attached.sink.startRun(context));
  }

  /** The UTC offset of the current run is final; the required sink has it already. */
  settle(context: RunContext): void {
    const isMoved = context.run.utcOffsetUs !== this.#context?.run.utcOffsetUs;
    this.#context = context;
    if (!isMoved) return;
    const soft: RunContext = { ...context, soft: true };
    for (const attached of this.#active) {
      if (!attached.required) this.#call(attached, () => attached.sink.startRun(soft));
    }
  }

  write(frame: Frame): void {
    const context = this.#context;
    if (context) {
      if (frame.key && frame.trackId === context.reference.id) this.#beginGop(frame);
      if (this.#gop?.write(frame, context.reference) === false) this.#emit({ type: 'gop-too-large' });
    }
    for (const attached of this.#active) {
      // Not through #call: a closure per frame and sink costs as much as most sinks.
      try {
        attached.sink.write(frame);
      } catch (error) {
        this.#fail(attached, error);
      }
    }
  }

  /** @returns whether a sink or the GOP buffer may still use frames of the burst */
  flush(): boolean {
    for (const attached of this.#active) this.#call(attached, () => attached.sink.flush());
    const hasLeft = this.#hasLeft;
    this.#hasLeft = false;
    return hasLeft || this.#holdsFrames;
  }

  endRun(): void {
    this.#context = undefined;
    this.#gop?.clear();
    for (const attached of this.#active) this.#call(attached, () => attached.sink.endRun());
    this.#activate();
  }

  damage(): void {
    for (const attached of this.#active) this.#call(attached, () => attached.sink.damage());
  }

  #beginGop(first: Frame): void {
    for (const byCause of this.#losses.values()) for (const report of byCause.values()) report.add(NO_LOSS);
    const joining = this.#joining;
    this.#activate();
    const context = this.#context!;
    for (const attached of joining) this.#call(attached, () => attached.sink.startRun(lateContext(context, first)));
  }

  #replay(attached: Attached, context: RunContext, frames: readonly Frame[]): void {
    this.#call(attached, () => {
      attached.sink.startRun(lateContext(context, frames[0]!));
      for (const frame of frames) attached.sink.write(frame);
    });
  }

  #activate(): void {
    if (this.#joining.length === 0) return;
    this.#active = [...this.#active, ...this.#joining];
    this.#joining = [];
  }

  #call(attached: Attached, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#fail(attached, error);
    }
  }

  #fail(attached: Attached, error: unknown): void {
    if (attached.required) throw error;
    this.#detach(attached);
    this.#emit({ type: 'sink-failed', sink: attached.name, error });
    attached.sink.detached?.();
  }

  #detach(attached: Attached): void {
    if (attached.sink.holdsFrames !== false) this.#hasLeft = true;
    attached.gopBuffer?.[Symbol.dispose]();
    this.#active = this.#active.filter((other) => other !== attached);
    this.#joining = this.#joining.filter((other) => other !== attached);
    for (const report of this.#losses.get(attached.name)?.values() ?? []) report.flush();
  }
}

function viewOf({ name, sink }: Attached, joins: boolean): SinkView {
  return {
    name,
    queuedBytes: sink.queuedBytes ?? 0,
    maxBytes: sink.maxQueuedBytes ?? 0,
    level: sink.pressure ?? 0,
    waitsForKeyFrame: joins || (sink.waitsForKeyFrame ?? false),
    lost: sink.losses ?? NO_LOSSES,
  };
}

/** A run for a sink that gets it from `first` on, a key frame of the reference track. */
function lateContext({ soft: _, ...context }: RunContext, first: Frame): RunContext {
  const startUs = context.run.utcOffsetUs + ticksToUs(first.pts, context.reference.timescale);
  return { ...context, startUs, gaps: [] };
}

/**
 * A conversion of tracks between the publishers of a stream and the stream: everything after it sees ordinary
 * tracks.
 * In: the calls of the publisher slot. Out: the same calls in the same order, with converted frames in place
 * of those of the converted tracks. Other tracks are not held back while a run lasts. A run begins when its
 * conversion is ready, and the end of a run waits for its last frames, at most 2 s.
 */
import type { GapCause } from '../../api/gap.ts';
import type { RunStart, SourceSegment, StreamInput } from '../../live/input.ts';
import type { Frame } from '../../media/frame.ts';

/** Most frames and bytes that wait for the beginning or the end of a run; beyond it the oldest are lost. */
const MAX_WAITING = 2048;
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/** What follows a stage. */
export type StageInput = StreamInput & { offline(detail: string): void };

/** What a stage converts, and with which process. */
export interface Conversion {
  /** Process id, undefined while none runs. */
  readonly pid: number | undefined;
  /**
   * A run begins. Returns the ids of the tracks whose frames it takes; if it takes none, the run passes as it
   * is.
   */
  begin(start: RunStart): ReadonlySet<number>;
  /** Calls `done` with the run that the stream gets, as soon as that can begin. Frames are pushed before. */
  started(done: (start: RunStart) => void): void;
  /** Takes the next frame of one of its tracks. */
  push(frame: Frame): void;
  /** The media ends: calls `done` after its last frame, after 2 s at the latest. */
  finish(done: () => void): void;
  /** Ends the process. Resolves when it has ended. */
  stop(): Promise<void>;
}

/** Receives the results of a conversion. */
export interface ConversionOutput {
  frame(frame: Frame): void;
  /** Another run begins within the one that was begun: the converted tracks have changed. */
  startRun(start: RunStart): void;
  /** Media is missing until the next frame. */
  absent(cause: GapCause, detail: string): void;
}

/** Receives what goes wrong. */
export interface StageReport {
  lost(count: number): void;
  /** A converted frame could not be published. */
  bug(error: unknown): void;
}

/** A frame, or another call, that waits. `ends`: it ends the media before it. */
type Call = { readonly frame: Frame } | { readonly ends: boolean; readonly make: () => void };

/** One conversion of one stream. */
export class ConversionStage implements StreamInput {
  readonly #next: StageInput;
  readonly #conversion: Conversion;
  readonly #report: StageReport;
  /** Ids of the tracks that are converted. */
  #converted: ReadonlySet<number> = new Set();
  #start: RunStart | undefined;
  /** Calls that wait for the beginning or the end of a run. */
  #waiting: Call[] | undefined;
  #waitingBytes = 0;
  /** They wait for the beginning: frames of converted tracks do not wait. */
  #isBeginning = false;
  /** A run that did not begin before its media was absent: it begins with the next frame. */
  #postponed: RunStart | undefined;

  /** @param create creates what it converts */
  constructor(next: StageInput, create: (output: ConversionOutput) => Conversion, report: StageReport) {
    this.#next = next;
    this.#report = report;
    this.#conversion = create({
      frame: (frame) => this.#publish(frame),
      startRun: (start) => this.#guard(() => next.startRun(start)),
      absent: (cause, detail) => this.#guard(() => next.absent(cause, detail)),
    });
  }

  /** Process id of the conversion, undefined while none runs. */
  get pid(): number | undefined {
    return this.#conversion.pid;
  }

  get mediaEndUs(): number | undefined {
    return this.#next.mediaEndUs;
  }

  get utcOffsetUs(): number | undefined {
    return this.#next.utcOffsetUs;
  }

  async ready(options: { signal: AbortSignal }): Promise<void> {
    await this.#next.ready?.(options);
  }

  startRun(start: RunStart): void {
    this.#end(() => this.#begin(start));
  }

  nextSegment(segment: SourceSegment): void {
    this.#do(() => this.#next.nextSegment?.(segment));
  }

  publish(frame: Frame): void {
    if (this.#waiting || this.#postponed) this.#run({ frame });
    else this.#take(frame);
  }

  jumps(frame: Frame): boolean {
    return this.#next.jumps?.(frame) ?? false;
  }

  flush(): void {
    this.#do(() => this.#next.flush());
  }

  absent(cause: GapCause | 'offline', detail: string): void {
    this.#end(() => this.#next.absent(cause, detail));
  }

  suspend(detail: string): void {
    this.#end(() => {
      this.#postponed = undefined;
      if (this.#next.suspend) this.#next.suspend(detail);
      else this.#next.offline(detail);
    });
  }

  /** No publisher is connected: the process is not needed. */
  offline(detail: string): void {
    this.#end(() => {
      this.#postponed = undefined;
      void this.#conversion.stop();
      this.#next.offline(detail);
    });
  }

  damage(reason: string): void {
    this.#do(() => this.#next.damage(reason));
  }

  /**
   * The publishers have ended, and the owner reports it to the stream: drops calls that wait. Resolves when
   * the process has ended.
   */
  async reset(): Promise<void> {
    this.#waiting = undefined;
    this.#isBeginning = false;
    this.#postponed = undefined;
    this.#converted = new Set();
    await this.#conversion.stop();
  }

  #begin(start: RunStart): void {
    this.#start = start;
    this.#postponed = undefined;
    this.#converted = this.#conversion.begin(start);
    if (this.#converted.size === 0) {
      this.#next.startRun(start);
      return;
    }
    this.#isBeginning = true;
    this.#hold((make) => this.#conversion.started((begun) => make(() => this.#next.startRun(begun))));
  }

  #take(frame: Frame): void {
    if (this.#converted.has(frame.trackId)) this.#conversion.push(frame);
    else this.#next.publish(frame);
  }

  #publish(frame: Frame): void {
    if (this.#converted.has(frame.trackId)) this.#guard(() => this.#next.publish(frame));
  }

  /** Makes a call for the conversion. An error of a sink must not end its process. */
  #guard(make: () => void): void {
    try {
      make();
    } catch (error) {
      void this.reset();
      this.#report.bug(error);
    }
  }

  #do(make: () => void): void {
    this.#run({ ends: false, make });
  }

  /** Makes a call that ends the media before it, after the last converted frame of that media. */
  #end(make: () => void): void {
    this.#run({ ends: true, make });
  }

  #run(call: Call): void {
    if ('frame' in call && this.#postponed) this.#begin(this.#postponed);
    if (this.#waiting) this.#wait(call, this.#waiting);
    else if ('frame' in call) this.#take(call.frame);
    else if (!call.ends || this.#converted.size === 0) call.make();
    else this.#hold((make) => this.#conversion.finish(() => make(call.make)));
  }

  #wait(call: Call, waiting: Call[]): void {
    if ('frame' in call && this.#isBeginning && this.#converted.has(call.frame.trackId)) {
      this.#conversion.push(call.frame);
      return;
    }
    waiting.push(call);
    if ('frame' in call) this.#bound(call.frame, waiting);
    else if (call.ends && this.#isBeginning) this.#postpone(call, waiting);
  }

  /**
   * The media ends before its run has begun: waits for its first converted frame as for the last one, then
   * makes the call.
   */
  #postpone(call: Extract<Call, { ends: boolean }>, waiting: Call[]): void {
    this.#isBeginning = false;
    this.#conversion.finish(() => {
      if (this.#waiting !== waiting) return; // The run has begun, or was dropped.
      this.#waiting = undefined;
      this.#postponed = this.#start;
      this.#makeAll(call.make, waiting.slice(waiting.indexOf(call) + 1));
    });
  }

  #bound({ data }: Frame, waiting: Call[]): void {
    this.#waitingBytes += data.length;
    while (waiting.length > MAX_WAITING || this.#waitingBytes > MAX_WAITING_BYTES) {
      const at = waiting.findIndex((each) => 'frame' in each);
      const [oldest] = at < 0 ? [] : waiting.splice(at, 1);
      if (!oldest || !('frame' in oldest)) return;
      this.#waitingBytes -= oldest.frame.data.length;
      this.#report.lost(1);
    }
  }

  /** Makes the call that `until` passes; the calls after it wait as well. */
  #hold(until: (make: (call: () => void) => void) => void): void {
    const waiting: Call[] = [];
    this.#waiting = waiting;
    this.#waitingBytes = 0;
    let isAtOnce = true;
    until((call) => {
      // Dropped by `reset`, or postponed.
      if (this.#waiting !== waiting) return;
      this.#waiting = undefined;
      this.#isBeginning = false;
      if (isAtOnce) call();
      else this.#makeAll(call, waiting);
    });
    isAtOnce = false;
  }

  /** Makes calls that have waited. */
  #makeAll(make: () => void, others: readonly Call[]): void {
    this.#guard(() => {
      make();
      for (const call of others) this.#run(call);
    });
  }
}

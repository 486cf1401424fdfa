/**
 * A conversion of tracks between the publishers of a stream and the stream: everything after it sees ordinary
 * tracks.
 * In: the frames and calls of the pipeline. Out: the same in the same order, with converted frames in place
 * of those of the converted tracks. Other tracks are not held back while a run lasts. A run begins when its
 * conversion is ready, and the end of a run waits for its last frames, at most 2 s.
 */

import type { Frame } from '@oxbow/media/frame';
import type { GapCause } from '@oxbow/media/gap';
import type { RunStart } from '../../live/input.ts';
import type { PublisherCall, PublisherStage, StageOutput } from './publisher-pipeline.ts';

/** Most frames and bytes that wait for the beginning or the end of a run; beyond it the oldest are lost. */
const MAX_WAITING = 2048;
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/** The converter of a stage, with its process. */
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

/** Receives failures. */
interface StageReport {
  lost(count: number): void;
  /** A converted frame could not be published. */
  bug(error: unknown): void;
}

/** A frame, or a call, that waits. */
type Waiting = { readonly frame: Frame } | PublisherCall;

/** Calls that end the media before them: they wait for its last converted frame. */
const ENDING: ReadonlySet<PublisherCall['do']> = new Set(['startRun', 'absent', 'suspend', 'offline']);

/** One conversion of one stream. */
export class ConversionStage implements PublisherStage {
  /** Frames that it passes are never dropped. */
  readonly dropsFrames = false;
  readonly #conversion: Conversion;
  readonly #report: StageReport;
  #next!: StageOutput;
  /** Ids of the tracks that are converted. */
  #converted: ReadonlySet<number> = new Set();
  #start: RunStart | undefined;
  /** Calls that wait for the beginning or the end of a run. */
  #waiting: Waiting[] | undefined;
  #waitingBytes = 0;
  /** They wait for the beginning: frames of converted tracks do not wait. */
  #isBeginning = false;
  /** A run that did not begin before its media was absent: it begins with the next frame. */
  #postponed: RunStart | undefined;

  /** @param create creates the converter */
  constructor(create: (output: ConversionOutput) => Conversion, report: StageReport) {
    this.#report = report;
    this.#conversion = create({
      frame: (frame) => this.#publish(frame),
      startRun: (start) => this.#guard(() => this.#next.make({ do: 'startRun', start })),
      absent: (cause, detail) => this.#guard(() => this.#next.make({ do: 'absent', cause, detail })),
    });
  }

  connect(next: StageOutput): void {
    this.#next = next;
  }

  /** Process id of the conversion, undefined while none runs. */
  get pid(): number | undefined {
    return this.#conversion.pid;
  }

  get passesFrames(): boolean {
    return this.#converted.size === 0 && !this.#waiting && !this.#postponed;
  }

  publish(frame: Frame): void {
    if (this.#waiting || this.#postponed) this.#run({ frame });
    else this.#take(frame);
  }

  make(call: PublisherCall): void {
    this.#run(call);
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
      this.#next.make({ do: 'startRun', start });
      return;
    }
    this.#isBeginning = true;
    this.#hold((make) => {
      this.#conversion.started((begun) => make(() => this.#next.make({ do: 'startRun', start: begun })));
    });
  }

  /** Makes a call whose turn it is. */
  #pass(call: PublisherCall): void {
    if (call.do === 'startRun') {
      this.#begin(call.start);
      return;
    }
    // Without a publisher there is no run to begin, and no need for a process.
    if (call.do === 'suspend' || call.do === 'offline') this.#postponed = undefined;
    if (call.do === 'offline') void this.#conversion.stop();
    this.#next.make(call);
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

  #run(call: Waiting): void {
    if ('frame' in call && this.#postponed) this.#begin(this.#postponed);
    if (this.#waiting) this.#wait(call, this.#waiting);
    else if ('frame' in call) this.#take(call.frame);
    else if (!ENDING.has(call.do) || this.#converted.size === 0) this.#pass(call);
    else this.#hold((make) => this.#conversion.finish(() => make(() => this.#pass(call))));
  }

  #wait(call: Waiting, waiting: Waiting[]): void {
    if ('frame' in call && this.#isBeginning && this.#converted.has(call.frame.trackId)) {
      this.#conversion.push(call.frame);
      return;
    }
    waiting.push(call);
    if ('frame' in call) this.#bound(call.frame, waiting);
    else if (ENDING.has(call.do) && this.#isBeginning) this.#postpone(call, waiting);
  }

  /**
   * The media ends before its run has begun: waits for its first converted frame as for the last one, then
   * makes the call.
   */
  #postpone(call: PublisherCall, waiting: Waiting[]): void {
    this.#isBeginning = false;
    this.#conversion.finish(() => {
      if (this.#waiting !== waiting) return; // The run has begun, or was dropped.
      this.#waiting = undefined;
      this.#postponed = this.#start;
      this.#makeAll(() => this.#pass(call), waiting.slice(waiting.indexOf(call) + 1));
    });
  }

  #bound({ data }: Frame, waiting: Waiting[]): void {
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
    const waiting: Waiting[] = [];
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
  #makeAll(make: () => void, others: readonly Waiting[]): void {
    this.#guard(() => {
      make();
      for (const call of others) this.#run(call);
    });
  }
}

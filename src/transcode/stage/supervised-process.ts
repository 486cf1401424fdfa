/**
 * A process that converts the frames of one stream and runs as long as it is needed: started with the first
 * frame, again after a crash.
 * In: frames in order. Out: converted frames in order; frames that are lost while no process runs are
 * reported, never waited for.
 */

import type { Frame, VideoTrack } from '@oxbow/media/frame';
import type { Mark } from '../../ffmpeg/frame-protocol.ts';
import { backoffMs } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';

/** After this many frames a mark shows how far the process is, by default. */
const MARK_EVERY = 16;
/** A process that does not return a mark for this long is hung, ms. */
const HUNG_MS = 5000;
const CHECK_MS = 500;
/** Most frames that wait for the process; beyond it, frames are lost. Half a minute of MP2. */
const MAX_WAITING = 1500;
/**
 * The start of the process is waited for at most this long, ms. It takes 200 ms, longer on a busy machine.
 */
const START_MS = 10_000;
/** The end of the media is waited for at most this long, ms. */
const FINISH_MS = 2000;
/** A process that ran this long did not fail at the start: the next one is started at once, ms. */
const HEALTHY_MS = 30_000;
/** A process without frames for this long is ended, ms. */
const IDLE_MS = 30_000;
const BACKOFF_MS = 250;

/** A process that converts frames. Disposing ends it and waits for its end. */
interface ConversionProcess extends AsyncDisposable {
  readonly pid: number;
  send(frame: Frame): void;
  mark(mark: Mark): void;
  /** Ends it; `why` becomes the reason in `ended`. */
  kill(why: string): void;
  /** Resolves with the reason when the process has ended. Never rejects. */
  readonly ended: Promise<string>;
}

/** Receives the output of a process. */
interface ProcessOutput {
  frame(frame: Frame): void;
  /** The track of the frames that follow, of processes that report it. */
  track(track: VideoTrack): void;
  /** Everything before this mark has come out. */
  mark(mark: Mark): void;
}

/** Starts a process. */
export type OpenProcess<P extends ConversionProcess> = (output: ProcessOutput) => Promise<P>;

/** The limits of a conversion. */
interface SupervisionLimits {
  /**
   * Most frames that wait for the process; beyond it, frames are lost. Default 1,500. At least twice
   * `markEvery`.
   */
  readonly maxWaiting?: number;
  /** Most bytes of them. Default: no limit. */
  readonly maxWaitingBytes?: number;
  /** The process confirms every so many frames. Default 16. */
  readonly markEvery?: number;
  /** From one start of a process to the next one after a failure, at least, ms. Default 0. */
  readonly minRestartMs?: number;
  /**
   * Frames do not wait while a process starts: they would be late. They are not counted as lost. Default
   * false.
   */
  readonly dropsWhileStarting?: boolean;
}

/** Receives the results. */
interface SupervisedOutput {
  frame(frame: Frame): void;
  /** The track of the frames that follow, of processes that report it. */
  track?(track: VideoTrack): void;
  /** The process has ended or could not be started; it is started again with a later frame. */
  failed(why: string): void;
  /** Frames were dropped because the process is not running or too slow. */
  lost(count: number): void;
}

/** Frames that wait for the process, or were sent to it and are not confirmed. */
interface Pending extends Mark {
  readonly sinceMs: number;
  /** Frames up to this mark, of all that were taken. */
  readonly taken: number;
  readonly takenBytes: number;
  readonly done: (() => void) | undefined;
}

/** One stream's process. */
export class SupervisedProcess<P extends ConversionProcess> {
  readonly #open: OpenProcess<P>;
  readonly #clock: Clock;
  readonly #output: SupervisedOutput;
  readonly #limits: Required<SupervisionLimits>;
  #setUp: (process: P) => void = () => {};
  #child: P | undefined;
  #opening: Promise<void> | undefined;
  /** Messages for the process that is being started. */
  #backlog: ((process: P) => void)[] = [];
  #marks: Pending[] = [];
  #nextMark = 1;
  /** Frames taken; frames that the process has confirmed. */
  #taken = 0;
  #confirmed = 0;
  #takenBytes = 0;
  #confirmedBytes = 0;
  #sinceMark = 0;
  /** Frames came since the last end of media. */
  #hasMedia = false;
  /** Frames before this mark came too late. */
  #lateUntil: number | undefined;
  #startedMs = 0;
  /** When the process was ready for frames, or returned its last mark. */
  #progressMs = 0;
  #usedMs = 0;
  #failures = 0;
  #retryMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #finishTimer: NodeJS.Timeout | undefined;
  #startTimer: NodeJS.Timeout | undefined;
  #onStarted: (() => void) | undefined;
  /** A process that was started before `stop` is not used. */
  #era = 0;
  #starts = 0;

  constructor(open: OpenProcess<P>, clock: Clock, output: SupervisedOutput, limits: SupervisionLimits = {}) {
    this.#open = open;
    this.#clock = clock;
    this.#output = output;
    this.#limits = {
      maxWaiting: MAX_WAITING,
      maxWaitingBytes: Number.POSITIVE_INFINITY,
      markEvery: MARK_EVERY,
      minRestartMs: 0,
      dropsWhileStarting: false,
      ...limits,
    };
  }

  /** Process id, undefined while none runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Processes that were started so far. Another number: the state of the process before it is lost. */
  get starts(): number {
    return this.#starts;
  }

  /** Whether a process is being started. */
  get isStarting(): boolean {
    return this.#opening !== undefined;
  }

  /**
   * Since when the oldest frames have waited that are not confirmed, monotonic ms; undefined if there are
   * none.
   */
  get oldestMs(): number | undefined {
    return this.#marks[0]?.sinceMs;
  }

  /**
   * New media begins. Call `finish` before.
   * @param setUp announces to the process what follows; called again for each process after this one
   */
  begin(setUp: (process: P) => void): void {
    this.#setUp = setUp;
    if (this.#child || this.#opening) this.tell(setUp);
    else this.start();
  }

  /**
   * Calls `done` when the process is ready for frames or has failed, after 10 s at the latest; at once if no
   * process is being started.
   */
  started(done: () => void): void {
    if (!this.#opening) {
      done();
      return;
    }
    this.#onStarted = done;
    clearTimeout(this.#startTimer);
    this.#startTimer = setTimeout(() => this.#tellStarted(), START_MS);
  }

  /** Takes the next frame; false if it is lost, or not wanted while a process starts. */
  push(frame: Frame): boolean {
    this.start();
    const { maxWaiting, maxWaitingBytes, markEvery, dropsWhileStarting } = this.#limits;
    if (dropsWhileStarting && !this.#child && this.#opening) return false;
    const isRunning = this.#child !== undefined || this.#opening !== undefined;
    const isFull =
      this.#taken - this.#confirmed >= maxWaiting || this.#takenBytes - this.#confirmedBytes >= maxWaitingBytes;
    if (!isRunning || isFull) {
      this.#output.lost(1);
      return false;
    }
    this.#taken++;
    this.#takenBytes += frame.data.length;
    this.#usedMs = this.#clock.monotonicMs();
    this.#hasMedia = true;
    this.tell((process) => process.send(frame));
    if (++this.#sinceMark >= markEvery) this.#mark(false);
    return true;
  }

  /**
   * The media ends: calls `done` after the last of its frames, at once if there is none, after 2 s at the
   * latest.
   */
  finish(done: () => void): void {
    const isRunning = this.#child !== undefined || this.#opening !== undefined;
    const isFinishing = this.#marks.some(({ ends, done: waits }) => ends && waits !== undefined);
    if (!isRunning || !(this.#hasMedia || isFinishing)) {
      done();
      return;
    }
    this.#hasMedia = false;
    const { id } = this.#mark(true, done);
    clearTimeout(this.#finishTimer);
    this.#finishTimer = setTimeout(() => {
      const late = this.#marks.find((mark) => mark.id === id);
      if (!late) return;
      this.#lateUntil = id;
      this.#marks = this.#marks.map((mark) => (mark === late ? { ...mark, done: undefined } : mark));
      done();
    }, FINISH_MS);
  }

  /** Calls `done` when everything that was pushed has come out, or is lost. Does not end the media. */
  after(done: () => void): void {
    if (this.#taken === this.#confirmed || (!this.#child && !this.#opening)) done();
    else this.#mark(false, done);
  }

  /** As `after`. */
  drained(): Promise<void> {
    return new Promise((resolve) => this.after(resolve));
  }

  /**
   * Ends the process; its frames are lost. A later frame starts another one. Resolves when the process has
   * ended.
   */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    this.#era++;
    this.#reset();
    child?.kill('not needed any more');
    const opening = this.#opening;
    this.#opening = undefined;
    await child?.ended;
    await opening;
  }

  /** Starts a process, if none runs and the pause after a failure is over. */
  start(): void {
    if (this.#child || this.#opening || this.#clock.monotonicMs() < this.#retryMs) return;
    this.#starts++;
    this.#startedMs = this.#clock.monotonicMs();
    this.#backlog = [this.#setUp];
    const opening = this.#run(this.#era).finally(() => {
      if (this.#opening === opening) this.#opening = undefined;
    });
    this.#opening = opening;
  }

  async #run(era: number): Promise<void> {
    let child: P | undefined;
    try {
      child = await this.#open({
        frame: (frame) => {
          if (this.#child === child && this.#lateUntil === undefined) this.#output.frame(frame);
        },
        track: (track) => {
          if (this.#child === child && this.#lateUntil === undefined) this.#output.track?.(track);
        },
        mark: ({ id }) => {
          if (this.#child === child) this.#confirm(id);
        },
      });
    } catch (error) {
      if (era === this.#era) this.#fail(messageOf(error));
      return;
    }
    if (era !== this.#era) {
      await child[Symbol.asyncDispose]();
      return;
    }
    const running = child;
    this.#child = running;
    this.#progressMs = this.#clock.monotonicMs();
    for (const send of this.#backlog.splice(0)) send(running);
    this.#timer = setInterval(() => this.#check(running), CHECK_MS);
    this.#timer.unref();
    this.#tellStarted();
    void running.ended.then((why) => {
      if (this.#child !== running) return;
      this.#child = undefined;
      this.#fail(why);
    });
  }

  #tellStarted(): void {
    clearTimeout(this.#startTimer);
    const done = this.#onStarted;
    this.#onStarted = undefined;
    done?.();
  }

  /** Sends a message to the process, now or when it has started; no effect while none runs. */
  tell(send: (process: P) => void): void {
    if (this.#child) send(this.#child);
    else if (this.#opening) this.#backlog.push(send);
  }

  #mark(ends: boolean, done?: () => void): Mark {
    this.#sinceMark = 0;
    const mark = {
      id: this.#nextMark++,
      ends,
      sinceMs: this.#clock.monotonicMs(),
      taken: this.#taken,
      takenBytes: this.#takenBytes,
      done,
    };
    this.#marks.push(mark);
    this.tell((process) => process.mark(mark));
    return mark;
  }

  #confirm(id: number): void {
    for (let mark = this.#marks[0]; mark && mark.id <= id; mark = this.#marks[0]) {
      this.#marks.shift();
      this.#progressMs = this.#clock.monotonicMs();
      this.#confirmed = mark.taken;
      this.#confirmedBytes = mark.takenBytes;
      if (this.#lateUntil !== undefined && mark.id >= this.#lateUntil) this.#lateUntil = undefined;
      mark.done?.();
    }
  }

  #check(child: P): void {
    const nowMs = this.#clock.monotonicMs();
    const oldest = this.#marks[0];
    // A mark may have waited for the start of the process, or for others that were sent with it.
    if (oldest && nowMs - Math.max(oldest.sinceMs, this.#progressMs) > HUNG_MS)
      child.kill(`nothing came out for ${HUNG_MS / 1000} s`);
    else if (nowMs - Math.max(this.#usedMs, this.#startedMs) > IDLE_MS) void this.stop();
  }

  #fail(why: string): void {
    const nowMs = this.#clock.monotonicMs();
    this.#failures = nowMs - this.#startedMs > HEALTHY_MS ? 1 : this.#failures + 1;
    const backoff = this.#failures === 1 ? 0 : backoffMs(this.#failures - 2, BACKOFF_MS);
    this.#retryMs = Math.max(nowMs + backoff, this.#startedMs + this.#limits.minRestartMs);
    const lost = this.#taken - this.#confirmed;
    this.#reset();
    if (lost > 0) this.#output.lost(lost);
    this.#output.failed(why);
  }

  /** Nothing waits any more. */
  #reset(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#finishTimer);
    this.#backlog = [];
    this.#confirmed = this.#taken;
    this.#confirmedBytes = this.#takenBytes;
    this.#sinceMark = 0;
    this.#hasMedia = false;
    this.#lateUntil = undefined;
    for (const { done } of this.#marks.splice(0)) done?.();
    this.#tellStarted();
  }
}

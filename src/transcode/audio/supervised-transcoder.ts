/**
 * A transcoder process of one stream that runs as long as it is needed: started with the first frame, again after a crash.
 * In: audio frames in order. Out: converted frames in order; what is lost while no process runs is reported, never waited for.
 */
import type { AudioTranscoder, AudioTranscoderOutput } from '../../ffmpeg/audio-transcoder.ts';
import type { TranscodeTrack } from '../../ffmpeg/audio-transcoder-options.ts';
import type { Mark } from '../../ffmpeg/frame-protocol.ts';
import { backoffMs } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Frame } from '../../media/frame.ts';

/** After so many frames a mark shows how far the process is. */
const MARK_EVERY = 16;
/** A process that does not return a mark for so long is hung, ms. */
const HUNG_MS = 5000;
const CHECK_MS = 500;
/** Most frames that wait for the process; beyond it, frames are lost. Half a minute of MP2. */
const MAX_WAITING = 1500;
/** The start of the process is waited for at most so long, ms. It takes 200 ms, longer on a busy machine. */
const START_MS = 10_000;
/** The end of the media is waited for at most so long, ms. */
const FINISH_MS = 2000;
/** A process that ran so long did not fail at the start: the next one is started at once, ms. */
const HEALTHY_MS = 30_000;
/** A process without frames for so long is ended, ms. */
const IDLE_MS = 30_000;
const BACKOFF_MS = 250;

/** Starts a process. */
export type OpenTranscoder = (output: AudioTranscoderOutput) => Promise<AudioTranscoder>;

/** What a conversion may cost. */
export interface SupervisionLimits {
  /** Most frames that wait for the process; beyond it, frames are lost. Default 1,500. At least 32, since every 16 are confirmed. */
  readonly maxWaiting?: number;
  /** From one start of a process to the next one after a failure, at least, ms. Default 0. */
  readonly minRestartMs?: number;
  /** Frames do not wait while a process starts: they would be late. They are not counted as lost. Default false. */
  readonly dropsWhileStarting?: boolean;
}

/** Receives the results. */
export interface SupervisedOutput {
  frame(frame: Frame): void;
  /** The process has ended or could not be started; it is started again with a later frame. */
  failed(why: string): void;
  /** Frames were dropped because the process is not running or too slow. */
  lost(count: number): void;
}

/** What waits for the process, or was sent to it and is not confirmed. */
interface Pending extends Mark {
  readonly sinceMs: number;
  /** Frames up to this mark, of all that were taken. */
  readonly taken: number;
  readonly done: (() => void) | undefined;
}

/** One stream's process. */
export class SupervisedTranscoder {
  readonly #open: OpenTranscoder;
  readonly #clock: Clock;
  readonly #output: SupervisedOutput;
  readonly #limits: Required<SupervisionLimits>;
  #tracks: readonly TranscodeTrack[] = [];
  #child: AudioTranscoder | undefined;
  #opening: Promise<void> | undefined;
  /** Messages for the process that is being started. */
  #backlog: ((child: AudioTranscoder) => void)[] = [];
  #marks: Pending[] = [];
  #nextMark = 1;
  /** Frames taken; frames that the process has confirmed. */
  #taken = 0;
  #confirmed = 0;
  #sinceMark = 0;
  /** Frames came since the last end of media. */
  #hasMedia = false;
  /** What comes before this mark came too late. */
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

  constructor(open: OpenTranscoder, clock: Clock, output: SupervisedOutput, limits: SupervisionLimits = {}) {
    this.#open = open;
    this.#clock = clock;
    this.#output = output;
    this.#limits = { maxWaiting: MAX_WAITING, minRestartMs: 0, dropsWhileStarting: false, ...limits };
  }

  /** Process id, undefined while none runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** New media begins, with these tracks. Call `finish` before. */
  begin(tracks: readonly TranscodeTrack[]): void {
    this.#tracks = tracks;
    if (this.#child || this.#opening) this.#tell((child) => child.setTracks(tracks));
    else this.#start();
  }

  /** Calls `done` when the process is ready for frames or has failed, after 10 s at the latest; at once if no process is being started. */
  started(done: () => void): void {
    if (!this.#opening) {
      done();
      return;
    }
    this.#onStarted = done;
    clearTimeout(this.#startTimer);
    this.#startTimer = setTimeout(() => this.#tellStarted(), START_MS);
  }

  /** Takes the next frame of one of the tracks. */
  push(frame: Frame): void {
    this.#start();
    const { maxWaiting, dropsWhileStarting } = this.#limits;
    if (dropsWhileStarting && !this.#child && this.#opening) return;
    const isRunning = this.#child !== undefined || this.#opening !== undefined;
    if (!isRunning || this.#taken - this.#confirmed >= maxWaiting) {
      this.#output.lost(1);
      return;
    }
    this.#taken++;
    this.#usedMs = this.#clock.monotonicMs();
    this.#hasMedia = true;
    this.#tell((child) => child.send(frame));
    if (++this.#sinceMark >= MARK_EVERY) this.#mark(false);
  }

  /** The media ends: calls `done` after the last of its AAC frames, at once if there is none, after 2 s at the latest. */
  finish(done: () => void): void {
    if (!this.#hasMedia || (!this.#child && !this.#opening)) {
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

  /** Resolves when everything that was pushed has come out, or is lost. Does not end the media. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#taken === this.#confirmed || (!this.#child && !this.#opening)) resolve();
      else this.#mark(false, resolve);
    });
  }

  /** Ends the process; what it holds is lost. A later frame starts another one. Resolves when the process has ended. */
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

  #start(): void {
    if (this.#child || this.#opening || this.#clock.monotonicMs() < this.#retryMs) return;
    this.#startedMs = this.#clock.monotonicMs();
    const tracks = this.#tracks;
    this.#backlog = [(child) => child.setTracks(tracks)];
    const opening = this.#run(this.#era).finally(() => {
      if (this.#opening === opening) this.#opening = undefined;
    });
    this.#opening = opening;
  }

  async #run(era: number): Promise<void> {
    let child: AudioTranscoder | undefined;
    try {
      child = await this.#open({
        frame: (frame) => {
          if (this.#child === child && this.#lateUntil === undefined) this.#output.frame(frame);
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

  /** Sends a message to the process, now or when it has started. */
  #tell(send: (child: AudioTranscoder) => void): void {
    if (this.#child) send(this.#child);
    else if (this.#opening) this.#backlog.push(send);
  }

  #mark(ends: boolean, done?: () => void): Mark {
    this.#sinceMark = 0;
    const mark = { id: this.#nextMark++, ends, sinceMs: this.#clock.monotonicMs(), taken: this.#taken, done };
    this.#marks.push(mark);
    this.#tell((child) => child.mark(mark));
    return mark;
  }

  #confirm(id: number): void {
    for (let mark = this.#marks[0]; mark && mark.id <= id; mark = this.#marks[0]) {
      this.#marks.shift();
      this.#progressMs = this.#clock.monotonicMs();
      this.#confirmed = mark.taken;
      if (this.#lateUntil !== undefined && mark.id >= this.#lateUntil) this.#lateUntil = undefined;
      mark.done?.();
    }
  }

  #check(child: AudioTranscoder): void {
    const nowMs = this.#clock.monotonicMs();
    const oldest = this.#marks[0];
    // A mark may have waited for the start of the process, or for others that were sent with it.
    if (oldest && nowMs - Math.max(oldest.sinceMs, this.#progressMs) > HUNG_MS)
      child.kill(`no audio for ${HUNG_MS / 1000} s`);
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
    this.#sinceMark = 0;
    this.#hasMedia = false;
    this.#lateUntil = undefined;
    for (const { done } of this.#marks.splice(0)) done?.();
    this.#tellStarted();
  }
}

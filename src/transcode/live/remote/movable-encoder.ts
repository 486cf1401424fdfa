/**
 * An encoder of a live stream that moves between workers and this machine without a hole: it delivers whole
 * segments, and the next encoder makes the segment again that was not complete.
 * In: calls of a live ladder. Out: tracks and frames of whole segments. docs/6-library/encoders.md.
 *
 * A worker is left when its connection ends, its device fails, or it has not returned a picture in
 * {@link LATE_MS}. The source waits meanwhile, bounded in bytes and time.
 */
import type { Frame, VideoTrack } from '@oxbow/media/frame';
import type { Mark } from '../../../ffmpeg/frame-protocol.ts';
import { ladderTimescale } from '../../../ffmpeg/ladder-options.ts';
import type { LiveEncoder, LiveEncoderOutput } from '../../../ffmpeg/live-ladder.ts';
import type { LiveLadderOptions } from '../../../ffmpeg/live-ladder-options.ts';
import type { Clock } from '../../../lib/clock.ts';
import { messageOf } from '../../../lib/errors.ts';
import type { OpenLiveEncoder } from '../live-ladder-shapes.ts';
import { HeldSource } from './held-source.ts';
import type { RemoteEncoder, RemoteEncoders } from './remote-encoders.ts';
import { RungOutputs } from './rung-outputs.ts';

/** A worker that has not returned a picture for this long is left, ms. */
export const LATE_MS = 2000;
/** The same for the first one. */
const START_MS = 5000;
/** A worker takes its devices and starts a process within this, ms; where another encoder works meanwhile. */
const PREPARE_MS = 3000;
const PREPARE_ASIDE_MS = 20_000;
/** Interval of the look at what is late, ms. */
const LOOK_MS = 250;
/** An encoder that takes over makes what waits at more than twice its speed. */
const REPLAY_SHARE = 0.5;
/** Software on this machine gives way to a worker that is free: interval of the look, ms. */
const RETURN_MS = 5000;
/** The source waits for its owner when the oldest picture has waited for this long, ms. */
const HOLD_MS = 10_000;
/** Pictures behind the end of a segment come within this; what has not come then is missing, s. */
const MISSING_S = 1;
/** Most bytes of the source that are held. */
const MAX_HELD_BYTES = 64 * 1024 * 1024;
/** Failures of encoders of this machine in a row after which it ends. */
const MAX_FAILURES = 3;
/** Times of cuts are rounded, s. */
const TOLERANCE_S = 0.0002;

/** Where the rungs are encoded. */
export interface EncoderPlace {
  /** Undefined: software of this machine. */
  readonly worker: string | undefined;
  /** The encoder of a track and its device; undefined: software, or not known yet. */
  nameOf(trackId: number): string | undefined;
}

/** Dependencies of {@link openMovableEncoder}. */
export interface MovableOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly remote: RemoteEncoders;
  /** Starts the process of this machine that takes over. */
  readonly openLocal: OpenLiveEncoder;
  /** Name of the stream. */
  readonly stream: string;
  /** Number of rungs. */
  readonly count: number;
  /** Longest media that the source delivers at once, ms. */
  readonly burstMs: () => number;
  /** Another encoder makes the rungs, because of `why`; the first one too, whose `why` is empty. */
  readonly moved: (place: EncoderPlace, why: string) => void;
}

/** An encoder that is used, with what it has not returned. */
interface Executor {
  readonly encoder: LiveEncoder;
  readonly remote: RemoteEncoder | undefined;
  readonly sent: { readonly mark: number; readonly pts: number; readonly atMs: number; readonly sentMs: number }[];
  /** It has what it got when it took over: that takes a part of its duration, ms. */
  replayMs: number;
  /** Nothing has come back. */
  isFresh: boolean;
}

/** A run whose pictures have not all come out. */
interface Run {
  readonly source: VideoTrack;
  readonly options: LiveLadderOptions;
  readonly held: HeldSource;
  /** Ticks of the rungs in one of the source. */
  readonly scale: number;
}

/** A call that waits for the end of the run before. */
type Call = () => void;

/** Opens it; the first worker, or process, is taken with the first run. */
export async function openMovableEncoder(output: LiveEncoderOutput, options: MovableOptions): Promise<LiveEncoder> {
  return new MovableEncoder(output, options);
}

class MovableEncoder implements LiveEncoder {
  readonly pid = 0;
  readonly ended: Promise<string>;
  readonly #options: MovableOptions;
  readonly #output: LiveEncoderOutput;
  readonly #rungs: RungOutputs;
  readonly #end: (why: string) => void;
  #isOver = false;
  #executor: Executor | undefined;
  /** A worker that is preparing, and since when. */
  #candidate: { readonly executor: Executor; readonly sinceMs: number } | undefined;
  #opening: Promise<void> | undefined;
  #run: Run | undefined;
  #enabled: readonly number[] = [];
  /** The mark that ends the run. */
  #ending: Mark | undefined;
  #later: Call[] = [];
  /** Marks that are confirmed when the encoder has caught up. */
  #unconfirmed: Mark[] = [];
  #nextMark = 1;
  /** Of the newest picture that has been encoded. */
  #encodedPts = Number.NEGATIVE_INFINITY;
  #why = '';
  #failures = 0;
  /** When it moved, or looked for a worker. */
  #lookedMs = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(output: LiveEncoderOutput, options: MovableOptions) {
    this.#output = output;
    this.#options = options;
    this.#rungs = new RungOutputs(output);
    const { promise, resolve } = Promise.withResolvers<string>();
    this.ended = promise;
    this.#end = resolve;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  begin(source: VideoTrack, options: LiveLadderOptions): void {
    this.#call(() => {
      const scale = ladderTimescale({ num: 1, den: source.timescale }) / source.timescale;
      this.#run = { source, options, scale, held: new HeldSource() };
      this.#encodedPts = Number.NEGATIVE_INFINITY;
      this.#rungs.begin(Number.NEGATIVE_INFINITY);
      if (this.#executor) this.#replay(this.#executor, this.#run);
      else this.#open();
    });
  }

  enable(trackIds: readonly number[]): void {
    this.#call(() => {
      this.#enabled = trackIds;
      this.#rungs.enable(trackIds);
      this.#executor?.encoder.enable(trackIds);
    });
  }

  cut(at: number): void {
    this.#call(() => {
      this.#run?.held.cut(at);
      this.#executor?.encoder.cut(at);
    });
  }

  send(frame: Frame): void {
    this.#call(() => {
      const run = this.#run;
      if (!run) return;
      const atMs = this.#nowMs;
      run.held.push(frame, atMs);
      if (run.held.bytes > MAX_HELD_BYTES) {
        this.kill(`no encoder has returned a segment of ${MAX_HELD_BYTES >> 20} MiB`);
        return;
      }
      if (this.#executor) this.#send(this.#executor, frame, atMs);
    });
  }

  use(): void {} // A worker chooses the encoders of its rungs.

  mark(mark: Mark): void {
    this.#call(() => {
      if (mark.ends && this.#run) {
        this.#ending = mark;
        this.#sendEnd();
      } else if (this.#isBehind) this.#unconfirmed.push(mark);
      else this.#output.mark(mark);
    });
  }

  kill(why: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#later = [];
    const executor = this.#executor;
    this.#executor = undefined;
    executor?.encoder.kill(why);
    this.#candidate?.executor.encoder.kill(why);
    this.#candidate = undefined;
    void Promise.all([executor?.encoder.ended, this.#opening]).then(() => this.#end(why));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('closed');
    await this.ended;
  }

  get #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  /** Whether this machine is too slow, so that the owner decides what is left out. */
  get #isBehind(): boolean {
    const oldest = this.#executor?.sent[0];
    return oldest !== undefined && !this.#executor!.remote && this.#nowMs - oldest.atMs > HOLD_MS;
  }

  /** Calls are made in order; those of the next run when the run before has come out. */
  #call(call: Call): void {
    if (this.#isOver) return;
    if (this.#ending) this.#later.push(call);
    else call();
  }

  #send(executor: Executor, frame: Frame, atMs: number): void {
    const mark = this.#nextMark++;
    executor.sent.push({ mark, pts: frame.pts, atMs, sentMs: this.#nowMs });
    executor.encoder.send(frame);
    executor.encoder.mark({ id: mark, ends: false });
  }

  #sendEnd(): void {
    const executor = this.#executor;
    if (!executor) return;
    const mark = this.#nextMark++;
    const nowMs = this.#nowMs;
    executor.sent.push({ mark, pts: Number.POSITIVE_INFINITY, atMs: nowMs, sentMs: nowMs });
    executor.encoder.mark({ id: mark, ends: true });
  }

  /** Takes a worker, or else starts a process of this machine. */
  #open(): void {
    if (this.#isOver || this.#executor || this.#opening || this.#candidate) return;
    if (!this.#prepare()) this.#startLocal();
  }

  #startLocal(): void {
    if (this.#isOver || this.#opening) return;
    const opening = this.#openLocal().finally(() => {
      this.#opening = undefined;
    });
    this.#opening = opening;
  }

  /** Takes a worker, which encodes from when it is ready on. */
  #prepare(): boolean {
    const { remote, count, stream } = this.#options;
    const run = this.#run;
    let executor: Executor | undefined;
    const isCurrent = () => executor !== undefined && this.#executor === executor;
    const taken = run && remote.take(this.#outputOf(isCurrent), count, stream);
    if (!taken) return false;
    const prepared: Executor = { encoder: taken.encoder, remote: taken, sent: [], replayMs: 0, isFresh: true };
    executor = prepared;
    this.#candidate = { executor: prepared, sinceMs: this.#nowMs };
    taken.encoder.begin(run.source, run.options);
    void taken.ready.then(() => {
      if (this.#candidate?.executor !== prepared) return;
      this.#candidate = undefined;
      this.#start(prepared);
    });
    void taken.encoder.ended.then(() => this.#giveUp(prepared));
    return true;
  }

  /** A worker does not become ready. */
  #giveUp(executor: Executor): void {
    if (this.#candidate?.executor !== executor) return;
    this.#candidate = undefined;
    executor.remote?.fail();
    executor.encoder.kill('it was not ready in time');
    if (!this.#executor) this.#startLocal();
  }

  async #openLocal(): Promise<void> {
    let executor: Executor | undefined;
    const isCurrent = () => executor !== undefined && this.#executor === executor;
    try {
      const encoder = await this.#options.openLocal(this.#outputOf(isCurrent));
      executor = { encoder, remote: undefined, sent: [], replayMs: 0, isFresh: true };
    } catch (error) {
      this.kill(messageOf(error));
      return;
    }
    if (this.#isOver || this.#executor) await executor.encoder[Symbol.asyncDispose]();
    else this.#start(executor);
  }

  #start(executor: Executor): void {
    const before = this.#executor;
    this.#executor = executor;
    before?.encoder.kill('another encoder took over');
    this.#lookedMs = this.#nowMs;
    const { remote } = executor;
    this.#options.moved({ worker: remote?.worker, nameOf: (id) => remote?.nameOf(id) }, this.#why);
    this.#why = '';
    void executor.encoder.ended.then((why) => this.#leave(executor, why));
    if (this.#run) this.#replay(executor, this.#run);
    if (this.#ending) this.#sendEnd();
  }

  #outputOf(isCurrent: () => boolean): LiveEncoderOutput {
    return {
      track: (track) => isCurrent() && this.#rungs.track(track),
      frame: (frame) => {
        if (!isCurrent()) return;
        this.#rungs.frame(frame);
        this.#release();
      },
      mark: (mark) => isCurrent() && this.#confirm(mark),
      encoderFailed: ({ why }) => isCurrent() && this.#leave(this.#executor!, why),
    };
  }

  /** Sends an encoder a run from its oldest segment on that is not complete. */
  #replay(executor: Executor, { source, options, held, scale }: Run): void {
    const { encoder } = executor;
    if (held.from !== undefined) this.#rungs.begin(held.from * scale - this.#toleranceOf(source));
    encoder.begin(source, options);
    encoder.enable(this.#enabled);
    for (const at of held.cuts) encoder.cut(at);
    const [first, last] = [held.frames[0], held.frames.at(-1)];
    const heldS = first && last ? (last.frame.dts - first.frame.dts) / source.timescale : 0;
    executor.replayMs = heldS * REPLAY_SHARE * 1000;
    this.#encodedPts = Number.NEGATIVE_INFINITY;
    for (const { frame, atMs } of [...held.frames]) this.#send(executor, frame, atMs);
  }

  #toleranceOf({ timescale }: VideoTrack): number {
    return Math.floor(ladderTimescale({ num: 1, den: timescale }) * TOLERANCE_S);
  }

  #confirm({ id, ends }: Mark): void {
    const executor = this.#executor!;
    const run = this.#run;
    executor.isFresh = false;
    for (let sent = executor.sent[0]; sent && sent.mark <= id; sent = executor.sent[0]) {
      executor.sent.shift();
      if (Number.isFinite(sent.pts)) this.#encodedPts = Math.max(this.#encodedPts, sent.pts);
    }
    if (executor.sent.length === 0) executor.replayMs = 0;
    if (run) this.#release();
    if (ends && this.#ending) this.#finish(this.#ending);
    while (this.#unconfirmed.length > 0 && !this.#isBehind) this.#output.mark(this.#unconfirmed.shift()!);
  }

  /** Delivers the segments that are complete in all rungs, or will not be. */
  #release(): void {
    for (let run = this.#run; run?.held.to !== undefined; run = this.#run) {
      const { held, source, scale } = run;
      const to = held.to!;
      const until = to * scale - this.#toleranceOf(source);
      const isPast = this.#encodedPts >= to + MISSING_S * source.timescale;
      if (!isPast && !this.#rungs.hasAllBefore(until)) return;
      this.#failures = 0;
      held.advance();
      this.#rungs.release(until);
    }
  }

  /** All pictures of a run have come out. */
  #finish(ending: Mark): void {
    this.#rungs.release(Number.POSITIVE_INFINITY);
    this.#run = undefined;
    this.#ending = undefined;
    for (const mark of this.#unconfirmed.splice(0)) this.#output.mark(mark);
    this.#output.mark(ending);
    while (this.#later.length > 0 && !this.#ending) this.#later.shift()!();
  }

  /** Another encoder continues. */
  #leave(executor: Executor, why: string): void {
    if (this.#isOver || this.#executor !== executor) return;
    this.#executor = undefined;
    this.#why = why;
    executor.encoder.kill(why);
    executor.remote?.fail();
    if (!executor.remote && ++this.#failures >= MAX_FAILURES) this.kill(why);
    else this.#open();
  }

  #look(): void {
    const executor = this.#executor;
    const nowMs = this.#nowMs;
    const candidate = this.#candidate;
    const prepareMs = executor ? PREPARE_ASIDE_MS : PREPARE_MS;
    if (candidate && nowMs - candidate.sinceMs > prepareMs) this.#giveUp(candidate.executor);
    if (!executor) return;
    const oldest = executor.sent[0];
    if (executor.remote) {
      const lateMs = (executor.isFresh ? START_MS : LATE_MS) + this.#options.burstMs() + executor.replayMs;
      if (oldest && nowMs - oldest.sentMs > lateMs) {
        this.#leave(executor, `nothing came back for ${((nowMs - oldest.sentMs) / 1000).toFixed(1)} s`);
      }
      return;
    }
    if (nowMs - this.#lookedMs < RETURN_MS || this.#candidate || this.#ending) return;
    this.#lookedMs = nowMs;
    if (this.#prepare()) this.#why = 'a worker is free';
  }
}

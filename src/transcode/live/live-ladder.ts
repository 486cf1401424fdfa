/**
 * Encodes further qualities of one live stream while it is wanted: one process, started again after a crash,
 * with fewer rungs while the machine is too slow. The stream itself never waits for it.
 * In: frames of the stream as a sink, its cuts. Out: frames for its derived qualities, facts for people.
 */
import { availableParallelism } from 'node:os';
import type { Frame, VideoTrack } from '@oxbow/media/frame';
import { usToTicks } from '@oxbow/media/run';
import { ScanWatch } from '@oxbow/media/scan';
import {
  type EncoderChoice,
  type EncoderFailure,
  type EncoderOrder,
  ladderTimescale,
} from '../../ffmpeg/ladder-options.ts';
import type { LiveEncoder } from '../../ffmpeg/live-ladder.ts';
import { backoffMs } from '../../lib/abort.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Pace } from '../../live/input.ts';
import type { RunContext, Sink } from '../../live/sink.ts';
import type { Cut } from '../../packager/cut-list.ts';
import type { DerivedInput } from '../../packager/follower.ts';
import { LagWindow } from './lag-window.ts';
import type { LiveLadderFacts, LiveLadderOptions } from './live-ladder-shapes.ts';
import type { LivePlan, PlannedRung } from './live-plan.ts';
import { LiveQueue } from './live-queue.ts';
import { LAG_LIMIT_MS, Overload } from './overload.ts';

/** How often the lag is looked at, ms. */
const CHECK_MS = 250;
/** An encoder that returns nothing for this long is hung, ms; on a device, which software replaces. */
const HUNG_MS = 15_000;
const DEVICE_HUNG_MS = 3000;
/** A slow encoder returns a picture within this time, ms. */
const SLOW_MS = 1000;
/**
 * Most media that waits for the encoder, seconds; of sources that deliver whole segments that many intervals
 * more.
 */
const MAX_WAIT_S = 4;
/** An encoder that ran this long did not fail at the start, ms. */
const HEALTHY_MS = 30_000;
const BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 30_000;
/** Room for pictures that are presented before the first key frame, s. */
const ORIGIN_S = 10;
const MAX_THREADS = 8;
/** Arrival times are remembered for this long, ms. */
const ARRIVALS_MS = 20_000;

/** One run of the stream. */
interface LadderRun {
  readonly id: number;
  readonly track: VideoTrack;
  readonly plan: LivePlan;
  readonly scan: ScanWatch;
  /** Its pictures have fields, as the plan says, or as the one after the next key frame will say. */
  isInterlaced: boolean;
  isBegun: boolean;
  isOver: boolean;
  /** Another plan continues here, ticks of the source: a picture that conceals a cut there is too much. */
  until: number;
}

/** The ladder of one stream. */
export class LiveLadder implements Sink {
  readonly #options: LiveLadderOptions;
  readonly #overload: Overload;
  readonly #inputs = new Map<string, DerivedInput>();
  /** Names of rungs that came out in the current run. */
  readonly #live = new Set<string>();
  /** Rungs that are not made because the machine is too slow: this many from the top. */
  #droppedCount = 0;
  #lags = new LagWindow();
  /** When pictures came and how long they last, by pts in ticks of the source. */
  readonly #arrivals = new Map<number, { readonly atMs: number; readonly duration: number }>();
  /** Of the last picture of the source that came out, ticks. */
  #usualDuration: number | undefined;
  #encoder: LiveEncoder | undefined;
  #queue: LiveQueue | undefined;
  #opening: Promise<void> | undefined;
  #stops: (() => void)[] = [];
  #run: LadderRun | undefined;
  /** The run whose frames come out. */
  #out: LadderRun | undefined;
  #cuts: number[] = [];
  #pace: Pace = { kind: 'continuous' };
  #isWanted = false;
  #isHopeless = false;
  /** Another plan is made with the next segment. */
  #isPlanOld = false;
  #failures = 0;
  #startedMs = 0;
  #newestLagMs = 0;
  #newestMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: LiveLadderOptions) {
    this.#options = options;
    this.#overload = new Overload(() => this.#limitMs);
  }

  /** Process id of the encoder; undefined while none runs. */
  get pid(): number | undefined {
    return this.#encoder?.pid;
  }

  get queuedBytes(): number {
    return this.#queue?.bytes ?? 0;
  }

  /** Its state. */
  get facts(): LiveLadderFacts {
    const plan = this.#run?.plan;
    const rungs = plan?.rungs ?? [];
    const made = rungs.length - this.#droppedOf(rungs.length);
    return {
      state: this.#state(rungs.length),
      lagMs: this.#encoder && this.#lags.p95(this.#nowMs),
      rungs: rungs.map((planned, index) => ({
        planned,
        state: index >= made ? 'dropped' : this.#live.has(planned.name) ? 'live' : 'starting',
      })),
      leftOut: plan?.leftOut.map(({ height }) => height) ?? [],
    };
  }

  /** It is wanted: starts the encoder, which begins at the next key frame. */
  start(): void {
    if (this.#isWanted) return;
    this.#isWanted = true;
    this.#failures = 0;
    this.#spawn();
  }

  /** It is not wanted any more. Resolves when the encoder has ended. */
  async stop(): Promise<void> {
    this.#isWanted = false;
    this.#isHopeless = false;
    clearTimeout(this.#retry);
    await this.#end('not needed any more');
  }

  /**
   * Another encoder makes a rung from the next cut on.
   *
   * @returns false if the rung is not made now
   */
  use(rung: string, choice: EncoderChoice): boolean {
    const run = this.#run;
    const planned = run?.isBegun && !run.isOver && this.#madeOf(run).find(({ name }) => name === rung);
    if (!planned || !this.#queue) return false;
    const order: EncoderOrder = { trackId: planned.rendition.trackId, ...choice };
    this.#queue.call((encoder) => encoder.use(order));
    return true;
  }

  /** Resolves when the encoder that is being started takes frames. */
  async ready(): Promise<void> {
    await this.#opening;
  }

  /**
   * The plan has other rungs from the next segment on that begins with a key frame. Those that leave are made
   * by another ladder from there on.
   */
  replan(): void {
    this.#isPlanOld = true;
  }

  /** Longest media that the source delivers at once, ms. */
  get burstMs(): number {
    return this.#pace.kind === 'bursty' ? this.#pace.intervalS * 1000 : 0;
  }

  startRun(context: RunContext): void {
    this.#pace = context.pace;
    if (context.soft) return;
    this.#endCurrent();
    const { reference, run } = context;
    this.#run = undefined;
    if (reference.kind !== 'video') return;
    const plan = this.#planOf(reference, false);
    const scan = new ScanWatch(reference.config);
    const state = { isInterlaced: false, isBegun: false, isOver: false, until: Number.POSITIVE_INFINITY };
    this.#run = { id: run.id, track: reference, plan, scan, ...state };
    if (this.#queue) this.#queue.maxTicks = this.#maxWaitS * reference.timescale;
  }

  write(frame: Frame): void {
    const queue = this.#queue;
    if (!this.#run || !queue || this.#run.isOver || frame.trackId !== this.#run.track.id) return;
    const run = this.#look(this.#run, frame);
    if (this.#madeOf(run).length === 0) return;
    if (!run.isBegun && this.#options.beginsWithSegment && !this.#isAtCut(frame)) return;
    if (!run.isBegun) this.#begin(run, frame, queue);
    const atMs = this.#nowMs;
    this.#arrivals.set(frame.pts, { atMs, duration: frame.duration });
    queue.push(frame, atMs);
  }

  /**
   * The run of a frame: with another plan from the key frame on before which its pictures turned out to have
   * fields.
   */
  #look(run: LadderRun, frame: Frame): LadderRun {
    // FFmpeg returns the fields of HEVC as pictures of half the height.
    run.isInterlaced ||= run.track.config.codec === 'h264' && run.scan.look(frame) === 'interlaced';
    const isSame = run.isInterlaced === run.plan.picture.interlaced;
    const isOld = this.#isPlanOld && this.#isAtCut(frame);
    if (!frame.key || (isSame && !isOld)) return run;
    const plan = this.#planOf(run.track, run.isInterlaced);
    run.until = frame.pts;
    if (isSame) this.#pass(run, plan);
    else this.#endCurrent();
    if (isOld) {
      this.#isPlanOld = false;
      this.#droppedCount = 0; // fewer rungs may be possible
    }
    this.#run = { ...run, plan, isBegun: false, isOver: false, until: Number.POSITIVE_INFINITY };
    return this.#run;
  }

  /** Whether a key frame begins a segment. */
  #isAtCut({ key, pts }: Frame): boolean {
    const at = this.#cuts.at(-1);
    return key && at !== undefined && Math.abs(pts - at) <= 1;
  }

  /** Another plan continues the run: its rungs have no end, and those that leave are not stopped. */
  #pass(run: LadderRun, plan: LivePlan): void {
    run.isOver = true;
    if (!run.isBegun) return;
    const names = new Set(plan.rungs.map(({ name }) => name));
    this.#queue?.mark(true, () => {
      for (const name of this.#inputs.keys()) if (!names.has(name)) this.#inputs.delete(name);
      this.#live.clear();
    });
  }

  #planOf(track: VideoTrack, interlaced: boolean): LivePlan {
    return this.#options.plan(track, { interlaced });
  }

  flush(): void {}

  endRun(): void {
    this.#endCurrent();
  }

  damage(): void {}

  #begin(run: LadderRun, { pts }: Frame, queue: LiveQueue): void {
    run.isBegun = true;
    const { track, plan } = run;
    const options = {
      picture: plan.picture,
      renditions: plan.rungs.map(({ rendition }) => rendition),
      origin: pts - ORIGIN_S * track.timescale,
      threads: Math.min(MAX_THREADS, availableParallelism()),
    };
    queue.mark(false, () => {
      this.#out = run;
      this.#live.clear();
    });
    queue.call((encoder) => {
      encoder.begin(track, options);
      encoder.enable(this.#idsOf(run));
    });
    for (const at of this.#cuts.splice(0)) if (at >= pts) queue.call((encoder) => encoder.cut(at));
    this.#overload.started(this.#nowMs);
  }

  #endCurrent(): void {
    const run = this.#run;
    if (!run || run.isOver) return;
    run.isOver = true;
    if (!run.isBegun) return;
    this.#queue?.mark(true, () => {
      for (const input of this.#inputs.values()) input.endRun();
      this.#live.clear();
      this.#arrivals.clear();
    });
  }

  #onCut(cut: Cut): void {
    if (cut.kind === 'run') this.#cuts = [];
    const run = this.#run;
    if (cut.kind !== 'open') return;
    const reference = cut.tracks.find((track) => track.kind === 'video');
    if (!reference) return;
    const at = usToTicks(cut.atUs, reference.timescale);
    if (run?.isBegun && !run.isOver) this.#queue?.call((encoder) => encoder.cut(at));
    // The picture that begins there may begin another plan.
    this.#cuts = [at];
  }

  #spawn(): void {
    if (this.#opening || this.#encoder || !this.#isWanted) return;
    const opening = this.#open().finally(() => {
      if (this.#opening === opening) this.#opening = undefined;
      if (this.#isWanted && !this.#encoder && !this.#isHopeless && this.#failures === 0) this.#spawn();
    });
    this.#opening = opening;
  }

  async #open(): Promise<void> {
    this.#startedMs = this.#nowMs;
    let encoder: LiveEncoder | undefined;
    let queue: LiveQueue | undefined;
    const isCurrent = () => encoder !== undefined && this.#encoder === encoder;
    try {
      encoder = await this.#options.open({
        track: (track) => isCurrent() && this.#track(track),
        frame: (frame) => isCurrent() && this.#frame(frame),
        mark: ({ id }) => isCurrent() && queue!.confirm(id),
        encoderFailed: (failure) => isCurrent() && this.#onEncoderFailed(failure),
      });
    } catch (error) {
      if (this.#isWanted) this.#fail(messageOf(error));
      return;
    }
    if (!this.#isWanted) {
      await encoder[Symbol.asyncDispose]();
      return;
    }
    const running = encoder;
    queue = new LiveQueue(running, (frames) => this.#options.report.lost(frames));
    this.#encoder = running;
    this.#queue = queue;
    this.#newestMs = this.#nowMs;
    this.#timer = setInterval(() => this.#check(), CHECK_MS);
    this.#timer.unref();
    this.#stops = [this.#options.cuts.subscribe((cut) => this.#onCut(cut))];
    const attachment = this.#options.sinks.attach(this, { name: 'live ladder' });
    this.#stops.push(() => attachment[Symbol.dispose]());
    void running.ended.then((why) => {
      if (this.#encoder !== running) return;
      void this.#end(why);
      this.#fail(why);
    });
  }

  /** Ends the encoder, if it runs. */
  async #end(why: string): Promise<void> {
    const encoder = this.#encoder;
    this.#encoder = undefined;
    this.#queue = undefined;
    clearInterval(this.#timer);
    for (const stop of this.#stops.splice(0)) stop();
    this.#run = undefined;
    this.#out = undefined;
    this.#cuts = [];
    this.#arrivals.clear();
    this.#live.clear();
    this.#lags = new LagWindow();
    this.#newestLagMs = 0;
    for (const input of this.#inputs.values()) {
      input.damage();
      input.stop();
    }
    encoder?.kill(why);
    await encoder?.ended;
    await this.#opening;
  }

  #fail(why: string): void {
    this.#failures = this.#nowMs - this.#startedMs > HEALTHY_MS ? 1 : this.#failures + 1;
    this.#options.report.failed(why);
    const pauseMs = this.#failures === 1 ? 0 : backoffMs(this.#failures - 2, BACKOFF_MS, MAX_BACKOFF_MS);
    this.#later(pauseMs);
  }

  #later(pauseMs: number): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      this.#isHopeless = false;
      this.#spawn();
    }, pauseMs);
    this.#retry.unref();
  }

  /** Software continues: after the segment in which the encoder failed, or at once if none has begun. */
  #onEncoderFailed({ trackId, why, isLossy }: EncoderFailure): void {
    const run = this.#out ?? this.#run;
    const rung = run?.plan.rungs.find(({ rendition }) => rendition.trackId === trackId);
    if (!rung) return;
    this.#newestMs = this.#nowMs; // it has done something
    if (isLossy) this.#inputs.get(rung.name)?.damage();
    this.#options.report.encoderFailed(rung.name, why);
  }

  #track(track: VideoTrack): void {
    const run = this.#out;
    const rung = run?.plan.rungs.find(({ rendition }) => rendition.trackId === track.id);
    if (!run || !rung) return;
    const input = this.#inputs.get(rung.name) ?? this.#options.input(rung.name);
    if (!input) return;
    this.#inputs.set(rung.name, input);
    this.#live.add(rung.name);
    input.startRun(run.id, track, rung.bandwidth);
  }

  #frame(frame: Frame): void {
    const run = this.#out;
    const rung = run?.plan.rungs.find(({ rendition }) => rendition.trackId === frame.trackId);
    if (!run || !rung || !this.#live.has(rung.name)) return;
    const nowMs = this.#nowMs;
    this.#newestMs = nowMs;
    const scale = ladderTimescale({ num: 1, den: run.track.timescale }) / run.track.timescale;
    if (frame.pts >= (run.until - 1) * scale) return;
    const source = this.#arrivals.get(Math.round(frame.pts / scale));
    if (source) {
      this.#newestLagMs = nowMs - source.atMs;
      this.#lags.add(nowMs, this.#newestLagMs);
    }
    if (source) this.#usualDuration = source.duration;
    const { fields } = run.plan.picture;
    // The second field of a picture has its own time.
    const sourceDuration = source?.duration ?? (fields ? this.#usualDuration : undefined);
    const share = rung.rendition.keepEvery / (fields ? 2 : 1);
    const duration = sourceDuration === undefined ? frame.duration : sourceDuration * scale * share;
    this.#inputs.get(rung.name)?.write({ ...frame, duration: Math.max(1, Math.round(duration)) });
  }

  #check(): void {
    const nowMs = this.#nowMs;
    for (const [pts, { atMs }] of this.#arrivals) {
      if (nowMs - atMs < ARRIVALS_MS) break;
      this.#arrivals.delete(pts);
    }
    const oldestMs = this.#queue?.oldestMs;
    const isOnDevice = this.#options.isOnDevice();
    const hungMs = isOnDevice ? DEVICE_HUNG_MS : HUNG_MS;
    const silentMs = oldestMs === undefined ? 0 : nowMs - Math.max(oldestMs, this.#newestMs);
    if (silentMs > hungMs) {
      this.#encoder?.kill(`nothing came out for ${hungMs / 1000} s`);
      return;
    }
    const run = this.#run;
    // A device that hangs is not a machine that is too slow: that returns something.
    if (!run?.isBegun || (isOnDevice && silentMs > SLOW_MS)) return;
    const lagMs = oldestMs === undefined ? 0 : Math.max(nowMs - oldestMs, this.#newestLagMs);
    const decision = this.#overload.look(nowMs, lagMs);
    if (decision === 'drop') this.#drop(run, lagMs);
    else if (decision === 'raise') this.#raise(run);
  }

  #drop(run: LadderRun, lagMs: number): void {
    const made = this.#madeOf(run);
    const top = made.at(-1);
    if (!top) return;
    this.#droppedCount = run.plan.rungs.length - made.length + 1;
    this.#overload.dropped(this.#nowMs);
    this.#live.delete(top.name);
    this.#inputs.get(top.name)?.stop();
    const left = made.slice(0, -1);
    this.#options.report.dropped(
      top.name,
      lagMs,
      left.map(({ name }) => name),
    );
    if (left.length > 0) {
      this.#enable(run);
      return;
    }
    // Too slow for the smallest: one rung is tried again after the pause.
    this.#isHopeless = true;
    this.#droppedCount = Number.MAX_SAFE_INTEGER;
    const pauseMs = Math.max(0, (this.#overload.retryMs ?? 0) - this.#nowMs);
    void this.#end('the machine is too slow');
    this.#later(pauseMs);
  }

  #raise(run: LadderRun): void {
    const dropped = this.#droppedOf(run.plan.rungs.length);
    this.#droppedCount = Math.max(0, dropped - 1);
    this.#overload.raised(this.#nowMs, this.#droppedCount === 0);
    const added = this.#madeOf(run).at(-1);
    if (added && dropped > 0) this.#options.report.raised(added.name);
    this.#enable(run);
  }

  #enable(run: LadderRun): void {
    // Not after the frames that wait: those are too many.
    if (run.isBegun) this.#encoder?.enable(this.#idsOf(run));
  }

  #idsOf(run: LadderRun): readonly number[] {
    return this.#madeOf(run).map(({ rendition }) => rendition.trackId);
  }

  /** The rungs that the machine is fast enough for; at least the lowest while it is tried. */
  #madeOf({ plan }: LadderRun): readonly PlannedRung[] {
    return plan.rungs.slice(0, plan.rungs.length - this.#droppedOf(plan.rungs.length));
  }

  #droppedOf(count: number): number {
    return Math.min(this.#droppedCount, this.#isHopeless ? count : Math.max(0, count - 1));
  }

  #state(rungs: number): LiveLadderFacts['state'] {
    if (!this.#isWanted) return 'off';
    if (this.#isHopeless) return 'stopped';
    if (!this.#encoder) return 'starting';
    return rungs > 0 && this.#run?.isBegun && !this.#run.isOver ? 'running' : 'waiting';
  }

  get #limitMs(): number {
    return (this.#options.lagLimitMs ?? LAG_LIMIT_MS) + this.burstMs;
  }

  get #maxWaitS(): number {
    return MAX_WAIT_S + (this.#pace.kind === 'bursty' ? 2 * this.#pace.intervalS : 0);
  }

  get #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }
}

/**
 * One input of a mixer: follows a stream, of this process or of another node, and measures its clock.
 * In: the frames of a live stream, as one of its sinks. Out: runs and frames at the pace of their capture.
 */
import type { Frame, Track } from '@oxbow/media/frame';
import { ticksToUs } from '@oxbow/media/run';
import { RecentSound } from '@oxbow/media/splice/recent-sound';
import type { Clock } from '../../lib/clock.ts';
import type { RunContext, Sink } from '../../live/sink.ts';
import type { SinkList } from '../../live/sink-list.ts';
import { BurstPace } from './burst-pace.ts';
import { OffsetMeter } from './offset-meter.ts';

/** Without a frame for this long, an input has no media, µs. */
const STALLED_US = 2_000_000;
/** Runs with frames that are not due yet; beyond it the oldest frames are released at once. */
const MAX_RUNS = 3;

/** What an input reports to its mixer. */
interface InputCalls {
  /** A run has begun or ended. */
  run(input: MixerInput): void;
  frame(input: MixerInput, frame: Frame): void;
}

/** Where the frames of a stream come from: the same object for as long as they come from there. */
export interface InputSource {
  readonly sinks: Pick<SinkList, 'attach' | 'requestKeyFrame'>;
}

/** A run of the stream. */
interface InputRun {
  readonly context: RunContext;
  /** By id of the track. */
  readonly timescales: ReadonlyMap<number, number>;
  /** Its frames that are not due yet, of a source that comes in segments. */
  readonly pace: BurstPace | undefined;
  isEnded: boolean;
}

/** A stream as an input. */
export class MixerInput {
  readonly name: string;
  readonly #clock: Clock;
  readonly #calls: InputCalls;
  #source: InputSource | undefined;
  #attached: Disposable | undefined;
  /** The one whose frames are passed on, then those that begin when all of its frames have been. */
  #runs: InputRun[] = [];
  #meter = new OffsetMeter();
  #sound = new RecentSound();
  #liveSinceUs = 0;
  #frameUs = Number.NEGATIVE_INFINITY;
  #keyPtsUs: number | undefined;
  #keyFrameUs: number | undefined;

  constructor(name: string, clock: Clock, calls: InputCalls) {
    this.name = name;
    this.#clock = clock;
    this.#calls = calls;
  }

  /** Whether it follows a stream. */
  get isFollowing(): boolean {
    return this.#source !== undefined;
  }

  /** The tracks of its run; undefined without one. A new run has another list. */
  get tracks(): readonly Track[] | undefined {
    return this.#runs[0]?.context.tracks;
  }

  /** Whether its frames come. */
  get isLive(): boolean {
    return this.#runs.length > 0 && this.#nowUs - this.#frameUs < STALLED_US;
  }

  /** For how long its frames have come without a pause, µs. */
  get liveForUs(): number {
    return this.isLive ? this.#nowUs - this.#liveSinceUs : 0;
  }

  /** The monotonic clock at time 0 of its run, µs; undefined before its first frame. */
  get offsetUs(): number | undefined {
    const { offsetUs } = this.#meter;
    return Number.isFinite(offsetUs) ? offsetUs : undefined;
  }

  /** The last sound of its run: a take may need what came before its key frame. */
  get recentSound(): readonly Frame[] {
    return this.#sound.frames;
  }

  /** Time between its last two key frames, µs; undefined before the second. */
  get keyFrameUs(): number | undefined {
    return this.#keyFrameUs;
  }

  /** Follows a stream from now on; undefined: none. Does nothing if it does already. */
  follow(source: InputSource | undefined): void {
    if (source === this.#source && (this.#attached || !source)) return;
    this.close();
    this.#source = source;
    if (!source) return;
    const sink: Sink = {
      startRun: (context) => this.#startRun(context),
      write: (frame) => this.#write(frame),
      flush: () => {},
      endRun: () => this.#endRun(),
      damage: () => {},
      detached: () => {
        this.#attached = undefined;
        this.#endRun();
      },
    };
    this.#attached = source.sinks.attach(sink, { name: 'mixer' });
  }

  /** Requests a key frame, where the protocol of its publisher can; returns whether it can. */
  requestKeyFrame(): boolean {
    return this.#source?.sinks.requestKeyFrame() ?? false;
  }

  /** Releases frames that are due; called several times a second. */
  tick(): void {
    this.#runs[0]?.pace?.advance(this.#nowUs);
    this.#settle();
  }

  /** Follows nothing any more. May be called twice. */
  close(): void {
    this.#attached?.[Symbol.dispose]();
    this.#attached = undefined;
    this.#source = undefined;
    if (this.#runs.length === 0) return;
    this.#runs = [];
    this.#begin();
  }

  get #nowUs(): number {
    return Math.round(this.#clock.monotonicMs() * 1000);
  }

  #startRun(context: RunContext): void {
    const last = this.#runs.at(-1);
    // Only its place in UTC has changed.
    if (context.soft && last && !last.isEnded) return;
    if (last) last.isEnded = true;
    const { pace, tracks } = context;
    const run: InputRun = {
      context,
      timescales: new Map(tracks.map(({ id, timescale }) => [id, timescale])),
      pace: pace.kind === 'bursty' ? new BurstPace(pace.intervalS, (frame) => this.#release(run, frame)) : undefined,
      isEnded: false,
    };
    this.#runs.push(run);
    if (this.#runs.length === 1) this.#begin();
    if (this.#runs.length > MAX_RUNS) this.#drain();
    this.#settle();
  }

  #endRun(): void {
    const last = this.#runs.at(-1);
    if (last) last.isEnded = true;
    this.#settle();
  }

  /** The first run has begun, or none is left. */
  #begin(): void {
    this.#meter = new OffsetMeter();
    this.#sound = new RecentSound(this.tracks);
    this.#keyPtsUs = undefined;
    this.#calls.run(this);
  }

  /** Leaves runs that have ended and whose frames were all passed on. */
  #settle(): void {
    for (let [run] = this.#runs; run?.isEnded && run.pace?.isEmpty !== false; [run] = this.#runs) {
      this.#runs.shift();
      this.#begin();
    }
  }

  /** Passes on all frames of the first run. */
  #drain(): void {
    this.#runs[0]?.pace?.drain();
    this.#settle();
  }

  #write(frame: Frame): void {
    const run = this.#runs.at(-1);
    if (!run || run.isEnded) return;
    if (run.pace) run.pace.add(frame, timeOf(run, frame), this.#nowUs);
    else this.#release(run, frame);
  }

  #release(run: InputRun, frame: Frame): void {
    if (!this.#runs.includes(run)) return;
    // It is due, so what is before it is late.
    while (this.#runs.length > 0 && this.#runs[0] !== run) this.#drain();
    if (this.#runs[0] !== run) return;
    if (frame.trackId === run.context.reference.id) this.#measure(run, frame);
    this.#sound.add(frame);
    this.#calls.frame(this, frame);
  }

  #measure(run: InputRun, frame: Frame): void {
    const nowUs = this.#nowUs;
    if (nowUs - this.#frameUs >= STALLED_US) this.#liveSinceUs = nowUs;
    this.#frameUs = nowUs;
    this.#meter.add(timeOf(run, frame), nowUs);
    if (!frame.key) return;
    const ptsUs = ticksToUs(frame.pts, run.timescales.get(frame.trackId) ?? 1);
    if (this.#keyPtsUs !== undefined) this.#keyFrameUs = ptsUs - this.#keyPtsUs;
    this.#keyPtsUs = ptsUs;
  }
}

/** Decode time of a frame by the clock of its input, µs. */
function timeOf({ timescales }: InputRun, { trackId, dts }: Frame): number {
  return ticksToUs(dts, timescales.get(trackId) ?? 1);
}

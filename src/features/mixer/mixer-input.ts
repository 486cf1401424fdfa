/**
 * One input of a mixer: follows a stream of this process and measures its clock.
 * In: the frames of a live stream, as one of its sinks. Out: runs and frames at the pace of their capture.
 */
import type { Frame, Track } from '@oxbow/media/frame';
import { ticksToUs } from '@oxbow/media/run';
import type { Clock } from '../../lib/clock.ts';
import type { RunContext, Sink } from '../../live/sink.ts';
import type { ManagedStream } from '../../streams/managed-stream.ts';
import { BurstPace } from './burst-pace.ts';
import { OffsetMeter } from './offset-meter.ts';

/** Without a frame for this long, an input has no media, µs. */
const STALLED_US = 2_000_000;

/** What an input reports to its mixer. */
interface InputCalls {
  /** A run has begun or ended. */
  run(input: MixerInput): void;
  frame(input: MixerInput, frame: Frame): void;
}

/** A stream as an input. */
export class MixerInput {
  readonly name: string;
  readonly #clock: Clock;
  readonly #calls: InputCalls;
  #stream: ManagedStream | undefined;
  #attached: Disposable | undefined;
  #context: RunContext | undefined;
  #meter = new OffsetMeter();
  #pace: BurstPace | undefined;
  readonly #timescales = new Map<number, number>();
  #liveSinceUs = 0;
  #frameUs = Number.NEGATIVE_INFINITY;
  #keyPtsUs: number | undefined;
  #keyFrameUs: number | undefined;

  constructor(name: string, clock: Clock, calls: InputCalls) {
    this.name = name;
    this.#clock = clock;
    this.#calls = calls;
  }

  get stream(): ManagedStream | undefined {
    return this.#stream;
  }

  /** The tracks of its run; undefined without one. A new run has another list. */
  get tracks(): readonly Track[] | undefined {
    return this.#context?.tracks;
  }

  /** Whether its frames come. */
  get isLive(): boolean {
    return this.#context !== undefined && this.#nowUs - this.#frameUs < STALLED_US;
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

  /** Time between its last two key frames, µs; undefined before the second. */
  get keyFrameUs(): number | undefined {
    return this.#keyFrameUs;
  }

  /** Follows a stream from now on; undefined: none. Does nothing if it does already. */
  follow(stream: ManagedStream | undefined): void {
    if (stream === this.#stream && (this.#attached || !stream)) return;
    this.close();
    this.#stream = stream;
    if (!stream) return;
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
    this.#attached = stream.stream.sinks.attach(sink, { name: 'mixer' });
  }

  /** Requests a key frame, where the protocol of its publisher can; returns whether it can. */
  requestKeyFrame(): boolean {
    return this.#stream?.stream.sinks.requestKeyFrame() ?? false;
  }

  /** Releases frames that are due; called several times a second. */
  tick(): void {
    this.#pace?.advance(this.#nowUs);
  }

  /** Follows nothing any more. May be called twice. */
  close(): void {
    this.#attached?.[Symbol.dispose]();
    this.#attached = undefined;
    this.#stream = undefined;
    this.#endRun();
  }

  get #nowUs(): number {
    return Math.round(this.#clock.monotonicMs() * 1000);
  }

  #startRun(context: RunContext): void {
    // Only its place in UTC has changed.
    if (context.soft && this.#context) return;
    this.#context = context;
    this.#timescales.clear();
    for (const { id, timescale } of context.tracks) this.#timescales.set(id, timescale);
    this.#meter = new OffsetMeter();
    this.#keyPtsUs = undefined;
    const { pace } = context;
    this.#pace = pace.kind === 'bursty' ? new BurstPace(pace.intervalS, (frame) => this.#pass(frame)) : undefined;
    this.#calls.run(this);
  }

  #endRun(): void {
    if (!this.#context) return;
    this.#context = undefined;
    this.#pace = undefined;
    this.#timescales.clear();
    this.#calls.run(this);
  }

  #write(frame: Frame): void {
    if (this.#pace) this.#pace.add(frame, this.#timeOf(frame), this.#nowUs);
    else this.#pass(frame);
  }

  #pass(frame: Frame): void {
    const context = this.#context;
    if (!context) return;
    if (frame.trackId === context.reference.id) this.#measure(frame);
    this.#calls.frame(this, frame);
  }

  #measure(frame: Frame): void {
    const nowUs = this.#nowUs;
    if (nowUs - this.#frameUs >= STALLED_US) this.#liveSinceUs = nowUs;
    this.#frameUs = nowUs;
    this.#meter.add(this.#timeOf(frame), nowUs);
    if (!frame.key) return;
    const ptsUs = ticksToUs(frame.pts, this.#timescales.get(frame.trackId) ?? 1);
    if (this.#keyPtsUs !== undefined) this.#keyFrameUs = ptsUs - this.#keyPtsUs;
    this.#keyPtsUs = ptsUs;
  }

  #timeOf({ trackId, dts }: Frame): number {
    return ticksToUs(dts, this.#timescales.get(trackId) ?? 1);
  }
}

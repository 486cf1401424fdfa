/**
 * Converts audio that browsers cannot play to AAC, between the publishers of a stream and the stream: everything after it sees an
 * ordinary AAC track.
 * In: the calls of the publisher slot. Out: the same calls in the same order, with AAC in place of the converted tracks. Video is
 * not held back by the conversion while a run lasts. A run begins when the process has started, which takes 0.2 s and at most 10 s, and
 * the end of a run waits for its last audio, at most 2 s.
 */
import type { GapCause } from '../../api/gap.ts';
import type { AudioMode } from '../../config/schema.ts';
import type { Clock } from '../../lib/clock.ts';
import type { RunStart, SourceSegment, StreamInput } from '../../live/input.ts';
import type { Frame } from '../../media/frame.ts';
import type { ConversionReport } from './conversion-report.ts';
import { planConversion } from './plan.ts';
import { type OpenTranscoder, SupervisedTranscoder } from './supervised-transcoder.ts';

/**
 * By so much later than its video audio may arrive because it is converted, µs. Decoder, encoder and pipe hold 0.1 s; on a busy machine the
 * process is later, and audio that the packager does not wait for would be silence in the recording.
 */
const CONVERSION_US = 1_500_000;

/** Dependencies of a stage. */
export interface AudioStageOptions {
  readonly open: OpenTranscoder;
  readonly clock: Clock;
  /** The option `source.audio`; read when a run begins. */
  readonly mode: () => AudioMode;
  readonly report: Pick<ConversionReport, 'failed' | 'lost' | 'bug'>;
}

/** A call that waits for the last audio of a run. */
interface Call {
  /** It ends the media before it. */
  readonly ends: boolean;
  readonly make: () => void;
}

/** The conversion of one stream. */
export class AudioStage implements StreamInput {
  readonly #next: StreamInput & { offline(detail: string): void };
  readonly #options: AudioStageOptions;
  readonly #transcoder: SupervisedTranscoder;
  /** Ids of the tracks that are converted. */
  #converted: ReadonlySet<number> = new Set();
  /** Calls after one that ends the media, while its last audio is being converted. */
  #waiting: Call[] | undefined;

  constructor(next: StreamInput & { offline(detail: string): void }, options: AudioStageOptions) {
    const { report } = options;
    this.#next = next;
    this.#options = options;
    this.#transcoder = new SupervisedTranscoder(options.open, options.clock, {
      frame: (frame) => this.#publish(frame),
      failed: (why) => report.failed(why),
      lost: (count) => report.lost(count),
    });
  }

  /** Process id of the conversion, undefined while none runs. */
  get pid(): number | undefined {
    return this.#transcoder.pid;
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
    if (this.#waiting) this.#do(() => this.#take(frame));
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
    this.#end(() => (this.#next.suspend ? this.#next.suspend(detail) : this.#next.offline(detail)));
  }

  /** No publisher is connected: the process is not needed. */
  offline(detail: string): void {
    this.#end(() => {
      void this.#transcoder.stop();
      this.#next.offline(detail);
    });
  }

  damage(reason: string): void {
    this.#do(() => this.#next.damage(reason));
  }

  /** The publishers have ended, and the owner reports it to the stream: drops calls that wait. Resolves when the process has ended. */
  async reset(): Promise<void> {
    this.#waiting = undefined;
    this.#converted = new Set();
    await this.#transcoder.stop();
  }

  #begin(start: RunStart): void {
    const { pace, tracks } = start;
    // The audio of segments is converted before they are published, see SegmentAudio.
    const plan = planConversion(tracks, pace.kind === 'continuous' ? this.#options.mode() : 'keep');
    this.#converted = new Set(plan.converts.map(({ id }) => id));
    if (plan.converts.length === 0 || pace.kind !== 'continuous') {
      void this.#transcoder.stop();
      this.#next.startRun(start);
      return;
    }
    this.#transcoder.begin(plan.converts);
    const apartUs = (pace.apartUs ?? 0) + CONVERSION_US;
    const converted: RunStart = { ...start, tracks: plan.tracks, pace: { ...pace, apartUs } };
    // A run begins with its sound: while the process starts, everything waits.
    this.#hold(
      (done) => this.#transcoder.started(done),
      () => this.#next.startRun(converted),
    );
  }

  #take(frame: Frame): void {
    if (this.#converted.has(frame.trackId)) this.#transcoder.push(frame);
    else this.#next.publish(frame);
  }

  /** A converted frame. An error of a sink must not end the process of the conversion. */
  #publish(frame: Frame): void {
    if (!this.#converted.has(frame.trackId)) return;
    try {
      this.#next.publish(frame);
    } catch (error) {
      void this.reset();
      this.#options.report.bug(error);
    }
  }

  #do(make: () => void): void {
    this.#run({ ends: false, make });
  }

  /** Makes a call that ends the media before it, after the last audio of that media. */
  #end(make: () => void): void {
    this.#run({ ends: true, make });
  }

  #run(call: Call): void {
    if (this.#waiting) {
      this.#waiting.push(call);
      return;
    }
    if (!call.ends || this.#converted.size === 0) {
      call.make();
      return;
    }
    this.#hold((done) => this.#transcoder.finish(done), call.make);
  }

  /** Makes a call when `until` calls back; the calls after it wait as well. */
  #hold(until: (done: () => void) => void, make: () => void): void {
    const waiting: Call[] = [];
    this.#waiting = waiting;
    let isAtOnce = true;
    until(() => {
      // Dropped by `reset`.
      if (this.#waiting !== waiting) return;
      this.#waiting = undefined;
      if (isAtOnce) make();
      else this.#makeAll(make, waiting);
    });
    isAtOnce = false;
  }

  /** Makes calls that have waited. */
  #makeAll(make: () => void, others: readonly Call[]): void {
    try {
      make();
      for (const call of others) this.#run(call);
    } catch (error) {
      void this.reset();
      this.#options.report.bug(error);
    }
  }
}

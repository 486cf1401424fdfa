/**
 * Converts VP8, which CMAF does not have, and MPEG-2, which browsers do not play, to H.264 in a child
 * process, between the publishers of a stream and the stream.
 * In: the calls of the publisher pipeline. Out: the same calls, with H.264 in place of them, with the same
 * times. A run begins when its first picture comes out. Audio does not wait for video after that: the
 * packager does.
 */
import { availableParallelism } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import type { Frame, VideoTrack } from '@oxbow/media/frame';
import type { LiveEncoder } from '../../ffmpeg/live-ladder.ts';
import type { LiveLadderOptions } from '../../ffmpeg/live-ladder-options.ts';
import type { Clock } from '../../lib/clock.ts';
import type { RunStart } from '../../live/input.ts';
import type { ConversionReport } from '../stage/conversion-report.ts';
import { type Conversion, type ConversionOutput, ConversionStage } from '../stage/conversion-stage.ts';
import { type OpenProcess, SupervisedProcess } from '../stage/supervised-process.ts';
import { PictureDurations } from './picture-durations.ts';
import { convertedVideo, isConvertedVideo, planVideo, tracksWith } from './plan.ts';

/** Frames that wait longer show that the machine is too slow, ms: those up to the next key frame are lost. */
const MAX_LATE_MS = 2000;
/** While a process starts, and while it catches up with what came meanwhile, which may take as long again. */
const MAX_START_MS = 10_000;
/** A process whose frames wait no longer than this has caught up, ms. */
const CAUGHT_UP_MS = 500;
/** What waits for the process at most. */
const LIMITS = { maxWaiting: 600, maxWaitingBytes: 64 * 1024 * 1024, markEvery: 1 };
/**
 * By this much later than its audio video may arrive, µs: with the half second of every source, as late as
 * frames may wait.
 */
const CONVERSION_US = 1_500_000;
/** From one request for a key frame to the next one, ms: key frames are large. */
const REQUEST_MS = 1000;

/** Dependencies of a stage. */
interface VideoStageOptions {
  readonly open: OpenProcess<LiveEncoder>;
  readonly clock: Clock;
  readonly report: Pick<ConversionReport, 'failed' | 'slow' | 'lost' | 'bug'>;
}

/** Creates the conversion of the video of one stream. */
export function createVideoStage(options: VideoStageOptions): ConversionStage {
  return new ConversionStage((output) => new ToH264(options, output), options.report);
}

/** A run that is converted. */
interface VideoRun {
  readonly start: RunStart;
  readonly source: VideoTrack;
  readonly plan: LiveLadderOptions;
  /** The track of the result; undefined before its first picture. */
  track: VideoTrack | undefined;
  /** Its media has ended, or paused: what follows begins with a key frame. */
  isOver: boolean;
  /** Why frames up to the next key frame are not encoded: it is the first one, or some were lost. */
  skips: 'first' | 'lost' | undefined;
}

class ToH264 implements Conversion {
  readonly #clock: Clock;
  readonly #report: VideoStageOptions['report'];
  readonly #output: ConversionOutput;
  readonly #process: SupervisedProcess<LiveEncoder>;
  #run: VideoRun | undefined;
  #onStarted: ((start: RunStart) => void) | undefined;
  /** Processes that were started when the last frame was pushed. */
  #starts = 0;
  /** The stream has requested a key frame. */
  #isKeyWanted = false;
  /** The process has to have caught up by then. */
  #caughtUpMs = Number.NEGATIVE_INFINITY;
  #requestedMs = Number.NEGATIVE_INFINITY;
  readonly #durations = new PictureDurations();

  constructor({ open, clock, report }: VideoStageOptions, output: ConversionOutput) {
    this.#clock = clock;
    this.#report = report;
    this.#output = output;
    this.#process = new SupervisedProcess(
      open,
      clock,
      {
        track: (made) => this.#announce(made),
        frame: (frame) => this.#deliver(frame),
        failed: (why) => this.#failed(why),
        lost: (count) => report.lost(count),
      },
      LIMITS,
    );
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  begin(start: RunStart): ReadonlySet<number> {
    const tracks = start.tracks.filter(isConvertedVideo);
    const [source] = tracks;
    if (!source) {
      void this.stop();
      return new Set();
    }
    const plan = planVideo(source, availableParallelism());
    this.#run = { start, source, plan, track: undefined, isOver: false, skips: 'first' };
    this.#setUp();
    return new Set(tracks.map(({ id }) => id));
  }

  started(done: (start: RunStart) => void): void {
    this.#onStarted = done;
  }

  push(frame: Frame): void {
    const run = this.#run;
    // One track is converted: a second one has no place in the stream.
    if (!run || frame.trackId !== run.source.id) return;
    if (run.isOver) {
      run.isOver = false;
      run.skips ??= 'first';
      this.#setUp();
    }
    this.#process.start();
    if (this.#process.starts !== this.#starts) run.skips ??= 'lost';
    this.#starts = this.#process.starts;
    const isLate = this.#isLate();
    if (isLate) this.#skip(run);
    if (run.skips !== undefined && (!frame.key || isLate)) {
      if (run.skips === 'lost') this.#report.lost(1);
      this.#request(run);
      return;
    }
    run.skips = undefined;
    if (frame.key || this.#isKeyWanted) this.#process.tell((encoder) => encoder.cut(frame.pts));
    this.#isKeyWanted = false;
    if (this.#process.push(frame)) this.#durations.enter(frame);
    else run.skips = 'lost';
  }

  finish(done: () => void): void {
    if (this.#run) this.#run.isOver = true;
    this.#process.finish(() => {
      this.#onStarted = undefined;
      done();
    });
  }

  async stop(): Promise<void> {
    this.#run = undefined;
    this.#onStarted = undefined;
    await this.#process.stop();
  }

  /** Announces what follows to the process. */
  #setUp(): void {
    const { source, plan } = this.#run!;
    this.#durations.clear();
    this.#process.begin((encoder) => {
      encoder.begin(source, plan);
      encoder.enable([source.id]);
    });
    this.#starts = this.#process.starts;
  }

  /** The first picture comes out: the run begins, or continues after another process. */
  #announce(made: VideoTrack): void {
    const run = this.#run;
    if (!run) return;
    const track = convertedVideo(run.source, made);
    if (isDeepStrictEqual(track, run.track)) return;
    const { pace, tracks } = run.start;
    const start: RunStart = {
      ...run.start,
      tracks: tracksWith(tracks, track),
      pace: pace.kind === 'continuous' ? { ...pace, apartUs: (pace.apartUs ?? 0) + CONVERSION_US } : pace,
      // The encoder makes it from the next picture, without a larger frame of the publisher.
      requestKeyFrame: () => {
        this.#isKeyWanted = true;
      },
    };
    run.track = track;
    const onStarted = this.#onStarted;
    this.#onStarted = undefined;
    if (onStarted) onStarted(start);
    else this.#output.startRun(start);
  }

  #deliver(frame: Frame): void {
    const { source, track } = this.#run ?? {};
    if (!source || !track) return;
    this.#output.frame(this.#durations.leave(frame, track.timescale / source.timescale).frame);
  }

  #failed(why: string): void {
    this.#report.failed(why);
    const run = this.#run;
    if (!run || run.isOver) return;
    this.#durations.clear();
    run.skips = 'lost';
    this.#output.absent('internal', 'the conversion of the video to H.264 failed');
    this.#request(run);
  }

  /** Whether frames wait longer than a machine that is fast enough needs. */
  #isLate(): boolean {
    const { oldestMs, isStarting } = this.#process;
    const nowMs = this.#clock.monotonicMs();
    const waitedMs = oldestMs === undefined ? 0 : nowMs - oldestMs;
    if (isStarting) this.#caughtUpMs = nowMs + MAX_START_MS;
    else if (waitedMs < CAUGHT_UP_MS) this.#caughtUpMs = nowMs;
    return waitedMs > (nowMs < this.#caughtUpMs ? MAX_START_MS : MAX_LATE_MS);
  }

  /** Leaves out frames up to a key frame; the time is a gap after the last frame that was sent. */
  #skip(run: VideoRun): void {
    if (run.skips !== undefined) return;
    run.skips = 'lost';
    this.#report.slow();
    this.#process.after(() => {
      const isCurrent = this.#run === run && !run.isOver && run.track !== undefined;
      if (isCurrent) this.#output.absent('overload', 'the machine was too slow to convert the video to H.264');
    });
  }

  #request({ start }: VideoRun): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#requestedMs < REQUEST_MS) return;
    this.#requestedMs = nowMs;
    start.requestKeyFrame?.();
  }
}

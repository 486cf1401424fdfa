/**
 * Converts the video of pulled segments to H.264 before they are published: a burst is converted as a whole,
 * however long that takes.
 * In: tracks and frames of one segment after the other, with times that continue. Out: the tracks, and the
 * pictures that have come out. The last ones of a segment come out with the next one: later pictures decide
 * on them (B-frames, fields).
 */
import { availableParallelism } from 'node:os';
import type { Frame, Track, VideoTrack } from '@oxbow/media/frame';
import type { LiveEncoder } from '../../ffmpeg/live-ladder.ts';
import { waitFor } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ConversionReport } from '../stage/conversion-report.ts';
import { type OpenProcess, SupervisedProcess } from '../stage/supervised-process.ts';
import { PictureDurations } from './picture-durations.ts';
import { convertedVideo, isConvertedVideo, planVideo, tracksWith } from './plan.ts';

/** This many pictures are sent at a time. */
const BATCH = 50;
/** The limit of the queue of the process. */
const LIMITS = { maxWaiting: 600, maxWaitingBytes: 64 * 1024 * 1024, markEvery: 1 };
/** A segment whose conversion failed is converted once more. */
const ATTEMPTS = 2;
/**
 * The machine is too slow where a segment takes this much longer than it lasts; reported at most this often,
 * ms.
 */
const TOO_SLOW = 1.5;
const SLOW_EVERY_MS = 60_000;

/** Dependencies of a converter. */
interface SegmentVideoOptions {
  readonly open: OpenProcess<LiveEncoder>;
  readonly clock: Clock;
  readonly report: Pick<ConversionReport, 'failed' | 'slow' | 'lost'>;
}

/** The output. */
interface ConvertedVideo {
  /** All tracks, the converted one as H.264; undefined before the first picture. */
  readonly tracks: readonly Track[] | undefined;
  /** H.264 in the order of the times. */
  readonly frames: readonly Frame[];
  /** Why the pictures of the segment are missing; empty: they are not. */
  readonly problem: string;
}

/** Media whose times continue. */
interface VideoRun {
  readonly source: VideoTrack;
  /** Why frames up to the next key frame are not encoded: it is the first one, or the process was lost. */
  skips: 'first' | 'lost' | undefined;
  /** pts of the first key frame: earlier pictures refer to media before the run. */
  fromPts: number;
}

/** The conversion of one pull. */
export class SegmentVideo implements AsyncDisposable {
  readonly #options: SegmentVideoOptions;
  readonly #process: SupervisedProcess<LiveEncoder>;
  readonly #durations = new PictureDurations();
  #run: VideoRun | undefined;
  /** Of the newest segment. */
  #tracks: readonly Track[] = [];
  /** The track of the result; undefined before its first picture. */
  #made: VideoTrack | undefined;
  #frames: Frame[] = [];
  #problem = '';
  /** Pictures that will not come out. */
  #missing = 0;
  /** Processes that were started when the last frame was pushed. */
  #starts = 0;
  #slowMs = Number.NEGATIVE_INFINITY;

  constructor(options: SegmentVideoOptions) {
    this.#options = options;
    const { open, clock, report } = options;
    const output = {
      track: (made: VideoTrack) => {
        if (this.#run) this.#made = convertedVideo(this.#run.source, made);
      },
      frame: (frame: Frame) => this.#take(frame),
      failed: (why: string) => {
        this.#problem = why;
        report.failed(why);
      },
      lost: () => {}, // counted by missing output
    };
    this.#process = new SupervisedProcess(open, clock, output, LIMITS);
  }

  /** The track of a segment that is converted. */
  sourceOf(tracks: readonly Track[]): VideoTrack | undefined {
    return tracks.find(isConvertedVideo);
  }

  /**
   * Converts the video of a segment with a track that is converted; its times continue those of the segment
   * before.
   *
   * @param frames of all tracks; those that are not converted are ignored
   */
  async convert(
    tracks: readonly Track[],
    frames: readonly Frame[],
    { signal }: { signal: AbortSignal },
  ): Promise<ConvertedVideo> {
    const { clock, report } = this.#options;
    const source = this.sourceOf(tracks)!;
    const pictures = frames.filter(({ trackId }) => trackId === source.id);
    const startedMs = clock.monotonicMs();
    this.#tracks = tracks;
    if (!this.#run) this.#made = undefined;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      this.#problem = '';
      if (!this.#run) this.#begin(source, attempt === 1 ? 'first' : 'lost');
      await this.#push(pictures, { signal });
      if (this.#problem === '') break;
      this.#abandon(pictures[0]?.pts);
    }
    if (this.#problem !== '') report.lost(pictures.length);
    else this.#noteSpeed(pictures, source, clock.monotonicMs() - startedMs);
    return this.#result(this.#problem);
  }

  /** The media ends, or its times jump: returns the pictures that were still inside. */
  async finish({ signal }: { signal: AbortSignal }): Promise<ConvertedVideo> {
    if (this.#run) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#process.finish(resolve);
      await waitFor(promise, { signal });
      this.#missing += this.#durations.clear();
      this.#run = undefined;
    }
    return this.#result('');
  }

  /** Ends the process. Frames in it, and those that were not taken, are lost. */
  async stop(): Promise<void> {
    this.#run = undefined;
    this.#missing += this.#durations.clear() + this.#frames.length;
    this.#frames = [];
    this.#result('');
    await this.#process.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #begin(source: VideoTrack, skips: VideoRun['skips']): void {
    const plan = planVideo(source, availableParallelism());
    this.#run = { source, skips, fromPts: Number.NEGATIVE_INFINITY };
    this.#process.begin((encoder) => {
      encoder.begin(source, plan);
      encoder.enable([source.id]);
    });
    this.#starts = this.#process.starts;
  }

  async #push(pictures: readonly Frame[], { signal }: { signal: AbortSignal }): Promise<void> {
    const run = this.#run!;
    for (let at = 0; at < pictures.length && this.#problem === ''; at += BATCH) {
      for (const frame of pictures.slice(at, at + BATCH)) this.#send(run, frame);
      await waitFor(this.#process.drained(), { signal });
    }
  }

  #send(run: VideoRun, frame: Frame): void {
    this.#process.start();
    if (this.#process.starts !== this.#starts) {
      // A process that is not needed for long ends with its frames.
      this.#starts = this.#process.starts;
      this.#missing += this.#durations.clear();
      run.skips ??= 'lost';
    }
    if (run.skips !== undefined && !frame.key) {
      if (run.skips === 'lost') this.#missing++;
      return;
    }
    if (run.skips !== undefined) run.fromPts = frame.pts;
    run.skips = undefined;
    if (frame.key) this.#process.tell((encoder) => encoder.cut(frame.pts));
    if (!this.#process.push(frame)) this.#problem ||= 'the conversion of the video does not run';
    else if (frame.pts >= run.fromPts) this.#durations.enter(frame);
  }

  #take(frame: Frame): void {
    const { source } = this.#run ?? {};
    if (!source || !this.#made) return;
    const left = this.#durations.leave(frame, this.#made.timescale / source.timescale);
    this.#missing += left.missing;
    this.#frames.push(left.frame);
  }

  /**
   * The process has failed with everything in it: the pictures of this segment are sent again, those before
   * it are lost.
   */
  #abandon(firstPts = Number.POSITIVE_INFINITY): void {
    this.#missing = this.#durations.clear(firstPts);
    this.#frames = this.#frames.filter(({ pts }) => pts < firstPts);
    this.#run = undefined;
  }

  #result(problem: string): ConvertedVideo {
    if (this.#missing > 0) this.#options.report.lost(this.#missing);
    this.#missing = 0;
    const tracks = this.#made && tracksWith(this.#tracks, this.#made);
    return { tracks, frames: this.#frames.splice(0), problem };
  }

  #noteSpeed(pictures: readonly Frame[], { timescale }: VideoTrack, tookMs: number): void {
    const { clock, report } = this.#options;
    const nowMs = clock.monotonicMs();
    const lastsMs = pictures.reduce((sum, { duration }) => sum + duration, 0) * (1000 / timescale);
    if (tookMs < TOO_SLOW * lastsMs || nowMs - this.#slowMs < SLOW_EVERY_MS) return;
    this.#slowMs = nowMs;
    report.slow();
  }
}

/**
 * Times of video frames: decode times that rise and never exceed presentation times, and durations.
 * In: milliseconds of messages. Out: frames in ticks of 90 kHz, at once where the frame rate is even, otherwise one frame late.
 * docs/media.md 13.
 */
import type { Frame } from '../frame.ts';
import type { TrackOutput } from './track-output.ts';

/** Ticks per second of video tracks: milliseconds and nanoseconds both fit. */
export const VIDEO_TIMESCALE = 90_000;
const TICKS_PER_MS = 90;
/** A larger step back is a new timeline, which the stream handles, ticks: 0.5 s. */
const JUMP = VIDEO_TIMESCALE / 2;
/** Larger composition times are damage, ticks: 20 s. */
const MAX_REORDER = 20 * VIDEO_TIMESCALE;
/** Intervals of an even frame rate differ by no more than this: milliseconds are rounded, ticks: 2 ms. */
const EVEN_WITHIN = 2 * TICKS_PER_MS;
/** After so many even intervals a duration is predicted (docs/media.md 13). */
const EVEN_INTERVALS = 50;
/** So many suffice if they agree with the frame rate of the parameter sets. */
const CONFIRMED_INTERVALS = 5;
/** Duration of a first frame if nothing is known, ticks. */
const USUAL_DURATION = VIDEO_TIMESCALE / 30;

type TimedFrame = Pick<Frame, 'dts' | 'pts' | 'key' | 'data'>;

/** Times the frames of one video track. */
export class VideoTimes {
  readonly #trackId: number;
  readonly #out: TrackOutput;
  #last: number | undefined;
  #lastDuration: number;
  #held: TimedFrame | undefined;
  /** How much decode times are early, because presentation times were before them; ticks. */
  #shift = 0;
  /** Decode time at which the even intervals began, and their number. */
  #evenFrom = 0;
  #even = 0;
  /** Frame duration of the parameter sets, ticks; undefined if they have none. */
  #nominal: number | undefined;

  constructor(trackId: number, out: TrackOutput) {
    this.#trackId = trackId;
    this.#out = out;
    this.#lastDuration = USUAL_DURATION;
  }

  /** Frames per second of the parameter sets. */
  setFrameRate(frameRate: number | undefined): void {
    this.#nominal = frameRate === undefined ? undefined : VIDEO_TIMESCALE / frameRate;
  }

  /**
   * Takes a frame.
   *
   * @param timeMs decode time without wraps
   * @param compositionMs presentation time minus decode time
   * @param nanoseconds added to both
   */
  push(timeMs: number, compositionMs: number, nanoseconds: number, key: boolean, data: Uint8Array): void {
    const fine = nanoseconds === 0 ? 0 : Math.round((nanoseconds * TICKS_PER_MS) / 1_000_000);
    const raw = timeMs * TICKS_PER_MS + fine;
    let pts = raw + compositionMs * TICKS_PER_MS;
    if (Math.abs(pts - raw) > MAX_REORDER) {
      this.#out.damage(`a composition time of ${compositionMs} ms`);
      return;
    }
    if (pts < raw - this.#shift) this.#shift = raw - pts;
    let dts = raw - this.#shift;
    const last = this.#last;
    if (last !== undefined && dts <= last && last - dts <= JUMP && !(key && pts < last)) {
      // Two frames in one millisecond, or decode times that become earlier: between the last one and the presentation. A frame that would
      // be presented before the last one is presented after it, because the next ones refer to it; a key frame begins a run.
      dts = last + 1;
      pts = Math.max(pts, dts);
    }
    if (dts < 0) {
      this.#out.damage('a video frame before the start of the timeline');
      return;
    }
    const isContinuous = last !== undefined && dts > last && dts - last <= JUMP;
    this.#release(isContinuous ? dts - last : undefined);
    if (isContinuous) this.#measure(last, dts);
    else this.#even = 0;
    this.#last = dts;
    const duration = this.#predicted(dts);
    if (duration === undefined) this.#held = { dts, pts, key, data };
    else this.#emit({ dts, pts, key, data }, duration);
  }

  /** Delivers the frame that waits. */
  flush(): void {
    this.#release(undefined);
  }

  #measure(last: number, dts: number): void {
    const interval = dts - last;
    const mean = this.#even === 0 ? interval : (last - this.#evenFrom) / this.#even;
    if (this.#even === 0 || Math.abs(interval - mean) > EVEN_WITHIN) {
      this.#evenFrom = last;
      this.#even = 1;
    } else {
      this.#even++;
    }
    this.#lastDuration = interval;
  }

  /** Duration of the frame at `dts`, known before its successor; undefined while the frame rate is not known to be even. */
  #predicted(dts: number): number | undefined {
    if (this.#even < CONFIRMED_INTERVALS) return undefined;
    const mean = (dts - this.#evenFrom) / this.#even;
    const nominal = this.#nominal;
    if (nominal !== undefined && Math.abs(mean - nominal) < TICKS_PER_MS) return Math.max(1, Math.round(nominal));
    return this.#even >= EVEN_INTERVALS ? Math.max(1, Math.round(mean)) : undefined;
  }

  #release(duration: number | undefined): void {
    const held = this.#held;
    if (!held) return;
    this.#held = undefined;
    this.#emit(held, duration ?? Math.round(this.#even > 0 ? this.#lastDuration : (this.#nominal ?? USUAL_DURATION)));
  }

  #emit({ dts, pts, key, data }: TimedFrame, duration: number): void {
    const frame: Frame = { trackId: this.#trackId, dts, pts, duration, key, data };
    this.#out.frame(frame);
  }
}

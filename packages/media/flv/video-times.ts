/**
 * Times of video frames: decode times that rise and never exceed presentation times, and durations.
 * In: milliseconds of messages. Out: frames in ticks of 90 kHz, at once where the frame rate is even,
 * otherwise one frame late. docs/media.md 13.
 */
import { EvenTimes } from '../even-times.ts';
import type { Frame } from '../frame.ts';
import { Opening } from './opening.ts';
import type { TrackOutput } from './track-output.ts';

/** Ticks per second of video tracks: milliseconds and nanoseconds both fit. */
export const VIDEO_TIMESCALE = 90_000;
const TICKS_PER_MS = 90;
/** A larger step back is a new timeline, which the stream handles, ticks: 0.5 s. */
const JUMP = VIDEO_TIMESCALE / 2;
/** Larger composition times are damage, ticks: 20 s. */
const MAX_REORDER = 20 * VIDEO_TIMESCALE;
/**
 * Both times of a frame are rounded to milliseconds: a composition time is off by no more than this, ticks.
 */
const ROUNDED = TICKS_PER_MS;
/** Duration of a first frame if nothing is known, ticks. */
const USUAL_DURATION = VIDEO_TIMESCALE / 30;

type TimedFrame = Pick<Frame, 'dts' | 'pts' | 'key' | 'data'>;

/** Times the frames of one video track. */
export class VideoTimes {
  readonly #trackId: number;
  readonly #out: TrackOutput;
  readonly #even = new EvenTimes(VIDEO_TIMESCALE);
  /** Decode time of the last frame as it came, ticks. */
  #last: number | undefined;
  #lastDuration: number | undefined;
  #held: TimedFrame | undefined;
  /** The first frames; undefined once they were placed. */
  #opening: Opening<TimedFrame> | undefined = new Opening();
  /** How much decode times are early, because presentation times were before them; ticks. */
  #shift = 0;
  /** Frame duration of the parameter sets, ticks; undefined if they have none. */
  #nominal: number | undefined;

  constructor(trackId: number, out: TrackOutput) {
    this.#trackId = trackId;
    this.#out = out;
  }

  /** Frames per second of the parameter sets. */
  setFrameRate(frameRate: number | undefined): void {
    this.#nominal = frameRate === undefined ? undefined : VIDEO_TIMESCALE / frameRate;
    this.#even.nominal = this.#nominal;
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
    const pts = raw + compositionMs * TICKS_PER_MS;
    if (Math.abs(pts - raw) > MAX_REORDER) {
      this.#out.damage(`a composition time of ${compositionMs} ms`);
      return;
    }
    const frame = { dts: raw, pts, key, data };
    if (!this.#opening) this.#take(frame);
    else if (!this.#opening.add(frame)) this.#open();
  }

  /** Delivers the frames that wait. */
  flush(): void {
    this.#open();
    this.#release(undefined);
  }

  #open(): void {
    const frames = this.#opening?.take() ?? [];
    if (frames.length === 0) return;
    this.#opening = undefined;
    for (const frame of frames) this.#take(frame);
  }

  #take({ dts: raw, pts: shown, key, data }: TimedFrame): void {
    let pts = shown;
    if (pts < raw - this.#shift) this.#shift = raw - pts;
    let dts = raw - this.#shift;
    const last = this.#last;
    if (last !== undefined && dts <= last && last - dts <= JUMP && !(key && pts < last)) {
      // Two frames in one millisecond, or decode times that become earlier: between the last one and the
      // presentation. A frame that would be presented before the last one is presented after it, because the
      // next ones refer to it; a key frame begins a run.
      dts = last + 1;
      pts = Math.max(pts, dts);
    }
    // The first frames may be decoded before zero: the stream moves its timestamps.
    if (dts < (last === undefined || last < 0 ? -JUMP : 0)) {
      this.#out.damage('a video frame before the start of the timeline');
      return;
    }
    const isContinuous = last !== undefined && dts > last && dts - last <= JUMP;
    if (!isContinuous) this.#even.restart();
    const { dts: placed, duration, step } = this.#even.place(dts);
    this.#release(isContinuous ? placed : undefined);
    if (isContinuous) this.#lastDuration = dts - last;
    this.#last = dts;
    const frame = { dts: placed, pts: shownAt(placed, pts - dts, step), key, data };
    if (duration === undefined) this.#held = frame;
    else this.#emit(frame, duration);
  }

  /** @param next decode time of the frame that follows */
  #release(next: number | undefined): void {
    const held = this.#held;
    if (!held) return;
    this.#held = undefined;
    const usual = this.#lastDuration ?? this.#nominal ?? USUAL_DURATION;
    this.#emit(held, next === undefined ? Math.round(usual) : next - held.dts);
  }

  #emit({ dts, pts, key, data }: TimedFrame, duration: number): void {
    const frame: Frame = { trackId: this.#trackId, dts, pts, duration, key, data };
    this.#out.frame(frame);
  }
}

/**
 * Presentation time: a whole number of frames after the decode time, where rounding to milliseconds explains
 * the distance.
 */
function shownAt(dts: number, composition: number, step: number | undefined): number {
  const frames = step === undefined ? 0 : Math.round(composition / step);
  const exact = step === undefined ? composition : frames * step;
  return dts + (Math.abs(exact - composition) <= ROUNDED ? Math.round(exact) : composition);
}

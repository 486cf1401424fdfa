/**
 * Times of video frames: RTP has only presentation times, so decode times and durations are derived.
 * In: access units in decode order with their presentation times. Out: frames, at once where the frame rate
 * is even, otherwise one frame late. ITU-T H.264, C.4.5.3 (max_num_reorder_frames); docs/media.md 13.
 */
import { EvenTimes } from '../../even-times.ts';
import type { Frame, VideoConfig } from '../../frame.ts';
import { h264SpsOf, hevcSpsOf } from '../../sps.ts';

/** No stream reorders by more frames. */
const MAX_DEPTH = 16;
/** profile_idc without B pictures. */
const BASELINE = 66;
/** A longer step after a loss is a hole, s; without a loss the picture did not change. */
const HOLE_S = 0.5;
const MAX_STEP_S = 10;
const USUAL_RATE = 30;

/** A video frame with its presentation time, ticks. */
interface Picture {
  readonly pts: number;
  readonly key: boolean;
  readonly data: Uint8Array;
  /** Packets were lost before it: the frame before did not last until now. */
  readonly afterLoss?: boolean;
}

/** Receives the frames of one track. */
interface PictureOutput {
  frame(frame: Frame): void;
  damage(reason: string): void;
}

/**
 * How many frames may precede a frame in decode order and follow it in presentation order; undefined if that
 * must be measured.
 */
export function reorderDepth(config: VideoConfig): number | undefined {
  if (config.codec === 'hevc') return hevcSpsOf(config)?.maxReorderFrames;
  if (config.codec !== 'h264') return 0;
  const sps = h264SpsOf(config);
  // Without order counts in slices the order is that of decoding (8.2.1.2 is not used by cameras, 8.2.1.3
  // forbids reordering).
  if (sps?.profile === BASELINE || sps?.orderBits === 0) return 0;
  return sps?.maxReorderFrames;
}

/** The depth that presentation times in decode order show. */
export function measuredDepth(times: readonly number[]): number {
  let depth = 0;
  for (const [i, pts] of times.entries()) {
    let later = 0;
    for (let k = Math.max(0, i - MAX_DEPTH); k < i; k++) if (times[k]! > pts) later++;
    depth = Math.max(depth, later);
  }
  return depth;
}

/** Times the frames of one video track. */
export class PictureTimes {
  readonly #trackId: number;
  readonly #timescale: number;
  readonly #out: PictureOutput;
  #depth: number;
  /** Frame duration of the parameter sets, ticks; undefined if they have none. */
  #nominal: number | undefined;
  /**
   * The latest presentation times, `#depth` + 1 of them, in order: the first one is the decode time of the
   * next frame.
   */
  #shown: number[] = [];
  #last: number | undefined;
  #interval: number | undefined;
  #held: Pick<Frame, 'dts' | 'pts' | 'key' | 'data'> | undefined;
  readonly #even: EvenTimes;

  /**
   * @param timescale ticks per second
   * @param depth as `reorderDepth` and `measuredDepth` give it
   */
  constructor(trackId: number, timescale: number, depth: number, frameRate: number | undefined, out: PictureOutput) {
    this.#trackId = trackId;
    this.#timescale = timescale;
    this.#depth = Math.min(MAX_DEPTH, depth);
    this.#even = new EvenTimes(timescale);
    this.#nominal = frameRate === undefined ? undefined : timescale / frameRate;
    this.#even.nominal = this.#nominal;
    this.#out = out;
  }

  /** Another configuration of the same track. @param depth undefined if it is not known: as before */
  configure(depth: number | undefined, frameRate: number | undefined): void {
    this.flush();
    this.#nominal = frameRate === undefined ? undefined : this.#timescale / frameRate;
    this.#even.nominal = this.#nominal;
    this.#depth = Math.min(MAX_DEPTH, depth ?? this.#depth);
    const [first] = this.#shown;
    if (first === undefined) return;
    while (this.#shown.length < this.#depth + 1) this.#shown.unshift(this.#shown[0]! - this.#step);
    while (this.#shown.length > this.#depth + 1) this.#shown.shift();
  }

  /** Takes the next frame in decode order. */
  push(picture: Picture): void {
    const dts = this.#decodeTime(picture);
    if (dts === undefined) return;
    const last = this.#last;
    const longest = (picture.afterLoss ? HOLE_S : MAX_STEP_S) * this.#timescale;
    const isContinuous = last !== undefined && dts - last <= longest;
    if (!isContinuous) this.#even.restart();
    const { dts: placed, duration } = this.#even.place(dts);
    this.#release(isContinuous ? placed : undefined);
    if (isContinuous) this.#interval = dts - last;
    this.#last = dts;
    const { pts, key, data } = picture;
    const frame = { dts: placed, pts: pts + placed - dts, key, data };
    if (duration === undefined) this.#held = frame;
    else this.#emit(frame, duration);
  }

  /** Delivers the frame that waits. */
  flush(): void {
    this.#release(undefined);
  }

  get #step(): number {
    return Math.max(1, Math.round(this.#interval ?? this.#nominal ?? this.#timescale / USUAL_RATE));
  }

  /** Rises and never exceeds the presentation time; undefined for a frame that cannot have one. */
  #decodeTime({ pts, key }: Picture): number | undefined {
    const shown = this.#shown;
    const newest = shown.at(-1);
    if (newest === undefined || (key && pts - newest > HOLE_S * this.#timescale)) {
      // The frames before the first one are not known: they would have been presented a step apart.
      this.#shown = Array.from({ length: this.#depth + 1 }, (_, i) => pts - (this.#depth - i) * this.#step);
    } else {
      let at = shown.length;
      while (at > 0 && shown[at - 1]! > pts) at--;
      shown.splice(at, 0, pts);
      while (shown.length > this.#depth + 1) shown.shift();
    }
    const dts = Math.max(this.#shown[0]!, (this.#last ?? Number.NEGATIVE_INFINITY) + 1);
    if (dts <= pts && dts >= 0) return dts;
    const isReordered = pts >= 0 && dts - pts <= MAX_DEPTH * this.#step;
    if (isReordered && this.#depth < MAX_DEPTH) this.#depth++;
    this.#out.damage(
      pts < 0
        ? 'a video frame before the start of the timeline'
        : 'a video frame that is presented before it is decoded',
    );
    return undefined;
  }

  /** @param next decode time of the frame that follows */
  #release(next: number | undefined): void {
    const held = this.#held;
    if (!held) return;
    this.#held = undefined;
    this.#emit(held, next === undefined ? this.#step : next - held.dts);
  }

  #emit({ dts, pts, key, data }: Pick<Frame, 'dts' | 'pts' | 'key' | 'data'>, duration: number): void {
    this.#out.frame({ trackId: this.#trackId, dts, pts, duration, key, data });
  }
}

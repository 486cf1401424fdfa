/**
 * The first frames of a video whose encoder cannot send decode times before zero: GStreamer gives several
 * frames of the reordering delay one time, or that of the sound before them, and states presentation times
 * that are right.
 * In: the first frames in decode order. Out: the same with decode times that rise and are at most the
 * presentation times. Pure. ITU-T H.264, C.4.5.3; docs/media.md 13.
 */

/** Frames after which decode times are right: H.264 and HEVC reorder at most 16. */
const MAX_FRAMES = 17;

/** Times of a frame, ticks. */
interface OpeningTimes {
  readonly dts: number;
  readonly pts: number;
}

/** Collects the first frames. */
export class Opening<T extends OpeningTimes> {
  readonly #frames: T[] = [];

  /** Takes a frame. @returns whether more frames are needed */
  add(frame: T): boolean {
    this.#frames.push(frame);
    return !this.#isUsual && this.#frames.length < MAX_FRAMES;
  }

  /** Usually the second frame is later than the first one, which waited for it anyway. */
  get #isUsual(): boolean {
    const [first, second] = this.#frames;
    return second !== undefined && first!.dts < second.dts && first!.dts <= first!.pts && second.dts <= second.pts;
  }

  /** The frames: each decode time is early enough for all presentation times that follow it. */
  take(): T[] {
    const frames = this.#frames;
    if (this.#isUsual) return frames;
    const step = stepOf(frames.map(({ pts }) => pts));
    const placed: T[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const frame of frames.toReversed()) {
      next = Math.min(frame.dts, frame.pts, next - step);
      placed.unshift({ ...frame, dts: next });
    }
    return placed;
  }
}

/** Least distance of two presentation times, at most their mean distance; 1 and up. */
function stepOf(times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b);
  const gaps = sorted.slice(1).map((at, i) => at - sorted[i]!);
  const mean = Math.floor((sorted.at(-1)! - sorted[0]!) / Math.max(1, gaps.length));
  return Math.max(1, Math.min(mean, ...gaps.filter((gap) => gap > 0)));
}

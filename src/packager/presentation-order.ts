/**
 * Follows the presentation of a video while its frames come in decode order: B-frames are presented before
 * frames that came earlier.
 * In: the frames of the reference track of a run. Out: where it can be cut without a key frame, and its end.
 * Pure. docs/media.md 10 and 13.
 */
import type { Frame } from '@oxbow/media/frame';

/** Most frames between two places: H.264 and HEVC reorder at most 16. */
const MAX_SPAN_FRAMES = 17;

/** Follows a run. */
export class PresentationOrder {
  /** pts − dts of the first frame, ticks: the delay by B-frames. */
  readonly delay: number;
  #end = Number.NEGATIVE_INFINITY;
  /** The last place, ticks. */
  #place: number;
  #span = 0;

  /** @param first the first frame of the run */
  constructor(first: Frame) {
    this.delay = first.pts - first.dts;
    this.#place = first.pts;
  }

  /** When the last picture ends, ticks. */
  get end(): number {
    return this.#end;
  }

  /** Longest distance between two places, ticks. */
  get span(): number {
    return this.#span;
  }

  /** Takes the next frame in decode order. */
  add(frame: Frame): void {
    const { dts, pts, duration } = frame;
    if (this.isPlace(dts, duration)) {
      this.#span = Math.max(this.#span, Math.min(this.turnOf(dts) - this.#place, MAX_SPAN_FRAMES * duration));
      this.#place = this.turnOf(dts);
    }
    this.#end = Math.max(this.#end, pts + duration);
  }

  /** When a frame would be presented if there were no B-frames, ticks. */
  turnOf(dts: number): number {
    return dts + this.delay;
  }

  /**
   * Whether all frames so far are presented before the frame with this `dts` and those after it: a segment
   * that begins here does not overlap the one before.
   *
   * @param duration of a frame, ticks
   */
  isPlace(dts: number, duration: number): boolean {
    return this.#end <= this.turnOf(dts) + duration / 2;
  }
}

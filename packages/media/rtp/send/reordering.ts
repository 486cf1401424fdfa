/**
 * Recognizes video with B-frames, which WebRTC cannot play: RTP carries presentation times, and browsers show
 * frames in decode order.
 * In: frames. Out: a yes or no. Pure. docs/media.md 30.
 */
import type { Frame } from '../../frame.ts';

/** Why such video is refused, for users. */
export const B_FRAMES = 'The video has B-frames, which WebRTC cannot play.';

/** Watches the frames of one video track, in decode order. */
export class ReorderingWatch {
  #highestPts = Number.NEGATIVE_INFINITY;
  #lastDts = Number.NEGATIVE_INFINITY;
  #isReordered = false;

  /** A frame was presented before one that was decoded earlier. */
  get found(): boolean {
    return this.#isReordered;
  }

  /** Looks at the next frame. @returns `found` */
  push({ dts, pts }: Pick<Frame, 'dts' | 'pts'>): boolean {
    // Decode times that go back are a new run.
    if (dts < this.#lastDts) this.#highestPts = Number.NEGATIVE_INFINITY;
    if (pts < this.#highestPts) this.#isReordered = true;
    this.#highestPts = Math.max(this.#highestPts, pts);
    this.#lastDts = dts;
    return this.#isReordered;
  }
}

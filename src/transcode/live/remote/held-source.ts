/**
 * The frames of a source from the segment on that has not come back complete, so that another encoder can
 * make it again.
 * In: frames in decode order and the cuts of one run. Out: what another encoder needs. Pure.
 */
import type { Frame } from '@oxbow/media/frame';

/** Times of cuts are rounded, ticks. */
const ROUNDED = 1;

/** A frame, and when it came. */
export interface HeldFrame {
  readonly frame: Frame;
  /** Monotonic. */
  readonly atMs: number;
}

/** The frames of one run. Times are ticks of the source. */
export class HeldSource {
  readonly #frames: HeldFrame[] = [];
  /** Starts of segments after that of the oldest one held. */
  readonly #cuts: number[] = [];
  #bytes = 0;
  #from: number | undefined;

  /** Start of the oldest segment that is not complete; undefined before the first frame. */
  get from(): number | undefined {
    return this.#from;
  }

  /** Start of the segment after it; undefined while it is the newest one. */
  get to(): number | undefined {
    return this.#cuts[0];
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** All that are held, in decode order. */
  get frames(): readonly HeldFrame[] {
    return this.#frames;
  }

  /** Cuts that another encoder gets: the one with which the oldest segment begins, and those after it. */
  get cuts(): readonly number[] {
    return this.#from === undefined ? this.#cuts : [this.#from, ...this.#cuts];
  }

  /** A segment begins with the first picture at or after `at`. */
  cut(at: number): void {
    if (at > (this.#cuts.at(-1) ?? this.#from ?? Number.NEGATIVE_INFINITY)) this.#cuts.push(at);
  }

  /** Adds the next frame. */
  push(frame: Frame, atMs: number): void {
    if (this.#from === undefined) {
      this.#from = frame.pts;
      while (this.#cuts[0] !== undefined && this.#cuts[0] <= frame.pts) this.#cuts.shift();
    }
    this.#frames.push({ frame, atMs });
    this.#bytes += frame.data.length;
  }

  /** The oldest segment is complete: forgets what only it needs. */
  advance(): void {
    const from = this.#cuts.shift();
    if (from === undefined) return;
    this.#from = from;
    const key = this.#frames.findLastIndex(({ frame }) => frame.key && frame.pts <= from + ROUNDED);
    for (const { frame } of this.#frames.splice(0, Math.max(0, key))) this.#bytes -= frame.data.length;
  }
}

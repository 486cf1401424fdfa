/**
 * Durations of the pictures inside an encoder: those with B-frames come out in another order, and the encoder
 * knows only the average.
 * In: pictures as they enter and leave. Out: their durations, in the ticks that come out; how many did not
 * come out. Pure.
 */
import type { Frame } from '@oxbow/media/frame';

/** The pictures of one run of an encoder. */
export class PictureDurations {
  /** By pts, ticks of the source. */
  readonly #inside = new Map<number, number>();

  /** A picture enters. */
  enter({ pts, duration }: Frame): void {
    this.#inside.set(pts, duration);
  }

  /**
   * A picture leaves. They come out in the order of their times: earlier ones do not come any more.
   *
   * @param scale ticks that come out for each tick of the source
   * @returns the picture with its duration, and the number of earlier ones that did not come out
   */
  leave(frame: Frame, scale: number): { readonly frame: Frame; readonly missing: number } {
    const pts = Math.round(frame.pts / scale);
    const cached = this.#inside.get(pts);
    const before = this.#inside.size;
    for (const earlier of this.#inside.keys()) if (earlier <= pts) this.#inside.delete(earlier);
    const missing = before - this.#inside.size - (cached === undefined ? 0 : 1);
    const duration = cached === undefined ? frame.duration : Math.max(1, Math.round(cached * scale));
    return { frame: { ...frame, duration }, missing };
  }

  /** Forgets all; returns how many there were before `pts`. */
  clear(pts = Number.POSITIVE_INFINITY): number {
    let count = 0;
    for (const each of this.#inside.keys()) if (each < pts) count++;
    this.#inside.clear();
    return count;
  }
}

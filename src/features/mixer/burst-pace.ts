/**
 * Releases the frames of an input that come segment by segment at the pace at which they were captured.
 * In: frames in bursts. Out: the same frames, later by the length of a burst. Bounded in bytes.
 */
import type { Frame } from '@oxbow/media/frame';

/** What an input comes later than its bursts, in addition to their usual distance, µs. */
const SPARE_US = 500_000;
/** Most bytes that wait: about a minute of 8 Mbit/s. Beyond it the oldest frames are released at once. */
const MAX_BYTES = 64 * 1024 * 1024;

/** The frames of one run that are not due yet. */
export class BurstPace {
  readonly #release: (frame: Frame) => void;
  readonly #intervalUs: number;
  #waiting: { readonly frame: Frame; readonly dtsUs: number }[] = [];
  #bytes = 0;
  /** Release time of decode time 0, monotonic µs. */
  #offsetUs: number | undefined;

  /** @param intervalS the longest usual time without new media, seconds */
  constructor(intervalS: number, release: (frame: Frame) => void) {
    this.#intervalUs = intervalS * 1_000_000 + SPARE_US;
    this.#release = release;
  }

  /** @param dtsUs decode time of the frame, µs. @param nowUs by the monotonic clock, µs */
  add(frame: Frame, dtsUs: number, nowUs: number): void {
    this.#offsetUs ??= nowUs - dtsUs + this.#intervalUs;
    // It comes later than it is due: from now on everything is released later.
    if (this.#waiting.length === 0) this.#offsetUs = Math.max(this.#offsetUs, nowUs - dtsUs);
    let at = this.#waiting.length;
    // The tracks of a segment come one after the other.
    while (at > 0 && this.#waiting[at - 1]!.dtsUs > dtsUs) at--;
    this.#waiting.splice(at, 0, { frame, dtsUs });
    this.#bytes += frame.data.length;
    this.advance(nowUs);
  }

  /** Nothing waits. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Releases all that waits. */
  drain(): void {
    this.#bytes = 0;
    for (const { frame } of this.#waiting.splice(0)) this.#release(frame);
  }

  /** Releases what is due. */
  advance(nowUs: number): void {
    const isDue = ({ dtsUs }: { readonly dtsUs: number }) => dtsUs + this.#offsetUs! <= nowUs;
    let count = 0;
    while (count < this.#waiting.length && (isDue(this.#waiting[count]!) || this.#bytes > MAX_BYTES)) {
      this.#bytes -= this.#waiting[count++]!.frame.data.length;
    }
    if (count === 0) return;
    for (const { frame } of this.#waiting.splice(0, count)) this.#release(frame);
  }
}

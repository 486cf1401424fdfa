/**
 * The picture of one buffer: which frame is on the screen, the last frames before it, how long a frame is.
 * In: frames as the browser reports them, positions of the element where it does not. Out: media time and UTC
 * of the picture.
 */
import type { ShownFrame } from '../sync-target.ts';
import type { Frames } from './frames.ts';

/** Number of frames of which the median counts. */
const SKEWS = 7;
const INTERVALS = 25;

/** What one element shows. */
export class Picture {
  readonly #video: HTMLVideoElement;
  readonly #frames: Frames;
  /** Duration of a frame from the stream's description, seconds. */
  likelyFrameS = 0.04;
  #mediaTime: number | null = null;
  /** `#mediaTime` is of a reported frame, not a calculated position. */
  #isReported = false;
  readonly #recent: ShownFrame[] = [];
  readonly #intervals: number[] = [];

  constructor(video: HTMLVideoElement, frames: Frames) {
    this.#video = video;
    this.#frames = frames;
  }

  /** Media time of the frame on the screen, seconds; null before the first. */
  get mediaTime(): number | null {
    return this.#mediaTime;
  }

  /** UTC of the frame on the screen, unix milliseconds; null before the first. */
  get shownMs(): number | null {
    return this.#mediaTime === null ? null : this.#frames.timeOf(this.#mediaTime);
  }

  /** Duration of a frame, seconds: as described, or less if a shorter one was seen. */
  get frameS(): number {
    return Math.min(this.likelyFrameS, ...this.#intervals);
  }

  /** The last frames since a seek or pause, oldest first, at most seven. */
  get recent(): readonly ShownFrame[] {
    return this.#recent;
  }

  /**
   * When frames reach the screen, on the steady clock, less their UTC: the median of the last few,
   * milliseconds. Null before the first frame.
   */
  get skewMs(): number | null {
    const skews = this.#recent.map(({ atMs, positionMs }) => atMs - positionMs).sort((a, b) => a - b);
    return skews[skews.length >> 1] ?? null;
  }

  /**
   * A frame is on the screen.
   *
   * @param atMs when it reached the screen, on the page's steady clock
   * @param isReported by the browser; false: calculated from the position of the element
   * @returns its UTC, unix milliseconds; null if that is unknown
   */
  show(mediaTime: number, atMs: number, isReported: boolean): number | null {
    const intervalS = mediaTime - (this.#mediaTime ?? mediaTime);
    const isInterval = isReported && this.#isReported && !this.#video.paused;
    this.#isReported = isReported;
    if (isInterval && intervalS > 0.004 && intervalS < 0.5) {
      this.#intervals.push(intervalS);
      if (this.#intervals.length > INTERVALS) this.#intervals.shift();
    }
    this.#mediaTime = mediaTime;
    const { shownMs } = this;
    if (shownMs !== null) {
      this.#recent.push({ atMs, positionMs: shownMs });
      if (this.#recent.length > SKEWS) this.#recent.shift();
    }
    return shownMs;
  }

  /** After a seek or a pause the times of earlier frames do not count. */
  forgetRecent(): void {
    this.#recent.length = 0;
  }

  /** The source is unloaded. */
  clear(): void {
    this.#mediaTime = null;
    this.#recent.length = 0;
    this.#intervals.length = 0;
  }
}

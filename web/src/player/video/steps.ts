/**
 * Frame steps: a seek to the middle of the next or the last frame while paused, one after the other.
 * In: requests, the frames that are shown. Out: seeks. Media time has no holes, so a step across a seam is
 * like any other.
 */

import type { Picture } from './picture.ts';

/** What steps need of a buffer. */
export interface SteppedBuffer {
  readonly picture: Pick<Picture, 'mediaTime' | 'frameS'>;
  seekTo(mediaSeconds: number): void;
}

/** Requests beyond this number are dropped: a key that is held down must not step for a minute. */
const MAX_WAITING = 12;
/** Longest wait for the frame of a seek, milliseconds. */
const FRAME_WITHIN_MS = 1_500;
/** Seeks of one step: if frames are irregular, the first one may show the same frame again. */
const MAX_TRIES = 6;

/** The step in progress. */
interface Step {
  readonly buffer: SteppedBuffer;
  readonly by: 1 | -1;
  readonly fromS: number;
  tries: number;
  since: number;
  /** Position before it was moved back because it seemed too far, seconds. */
  farS: number | null;
}

/** Steps on one buffer at a time. */
export class Steps {
  #waiting = 0;
  #step: Step | null = null;

  /** A step is in progress. */
  get stepping(): boolean {
    return this.#step !== null;
  }

  /** @param steadyMs a monotonic clock, milliseconds */
  step(buffer: SteppedBuffer, by: 1 | -1, steadyMs: number): void {
    if (this.#step && this.#step.buffer === buffer && steadyMs - this.#step.since < FRAME_WITHIN_MS) {
      this.#wait(by);
      return;
    }
    this.#waiting = 0;
    this.#begin(buffer, by, steadyMs);
  }

  /** Another source is about to come to the front: the step is made from its first frame. */
  postpone(by: 1 | -1): void {
    this.#step = null;
    this.#wait(by);
  }

  /** A frame is shown, or a seek has ended in a browser that reports no frames. */
  shown(buffer: SteppedBuffer, steadyMs: number): void {
    const step = this.#step;
    if (!step) {
      this.#next(buffer, steadyMs);
      return;
    }
    if (step.buffer !== buffer || buffer.picture.mediaTime === null) return;
    const movedS = (buffer.picture.mediaTime - step.fromS) * step.by;
    if (movedS < buffer.picture.frameS / 4 && step.farS !== null) {
      // It was not too far: there is no frame in between.
      this.#seek(step, step.farS + buffer.picture.frameS / 2, MAX_TRIES, steadyMs);
      step.farS = null;
      return;
    }
    if (movedS < buffer.picture.frameS / 4 && step.tries < MAX_TRIES) {
      this.#seek(
        step,
        step.fromS + (step.by * (step.tries + 1) + 0.5) * buffer.picture.frameS,
        step.tries + 1,
        steadyMs,
      );
      return;
    }
    // The seek was repeated although the first one may only have been late: one step is one frame.
    if (movedS > 1.5 * buffer.picture.frameS && step.tries > 1 && step.tries < MAX_TRIES && step.farS === null) {
      step.farS = buffer.picture.mediaTime;
      this.#seek(step, step.fromS + (step.by + 0.5) * buffer.picture.frameS, step.tries, steadyMs);
      return;
    }
    this.#step = null;
    this.#next(buffer, steadyMs);
  }

  /** The viewer plays or seeks. */
  forget(): void {
    this.#waiting = 0;
    this.#step = null;
  }

  #wait(by: 1 | -1): void {
    this.#waiting = Math.max(-MAX_WAITING, Math.min(MAX_WAITING, this.#waiting + by));
  }

  #next(buffer: SteppedBuffer, steadyMs: number): void {
    if (this.#waiting === 0) return;
    const by = this.#waiting > 0 ? 1 : -1;
    this.#waiting -= by;
    this.#begin(buffer, by, steadyMs);
  }

  #seek(step: Step, toS: number, tries: number, steadyMs: number): void {
    step.tries = tries;
    step.since = steadyMs;
    step.buffer.seekTo(toS);
  }

  #begin(buffer: SteppedBuffer, by: 1 | -1, steadyMs: number): void {
    if (buffer.picture.mediaTime === null) return;
    this.#step = { buffer, by, fromS: buffer.picture.mediaTime, tries: 1, since: steadyMs, farS: null };
    buffer.seekTo(buffer.picture.mediaTime + (by + 0.5) * buffer.picture.frameS);
  }
}

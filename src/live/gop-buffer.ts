/**
 * Keeps the frames since the last key frame, so that a late sink can start at once.
 * In: the frames of a stream in order. Out: the same frames, from a key frame on. Pure.
 */
import type { Frame } from '../media/frame.ts';

/** Most bytes of one GOP: eight seconds at 8 Mbit/s. */
const MAX_BYTES = 8 * 1024 * 1024;
/** Most frames of one GOP: 19 seconds of 60 video and 47 audio frames each. */
const MAX_FRAMES = 2048;

/**
 * The current GOP. It references the bytes of frames without a copy: of a burst, the bytes of the complete segment stay in memory
 * until the next key frame.
 */
export class GopBuffer {
  readonly #maxBytes: number;
  readonly #maxFrames: number;
  #frames: Frame[] = [];
  #bytes = 0;
  /** There was a key frame, and no bound was exceeded since. */
  #isOpen = false;

  constructor({ maxBytes = MAX_BYTES, maxFrames = MAX_FRAMES } = {}) {
    this.#maxBytes = maxBytes;
    this.#maxFrames = maxFrames;
  }

  /** From the last key frame of the reference track on; empty before one, and when the GOP exceeded a bound. */
  get frames(): readonly Frame[] {
    return this.#frames;
  }

  /** Bytes of the frames that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes a frame. A GOP that exceeds a bound is dropped completely, because its end cannot be decoded alone; the buffer stays empty
   * until the next key frame.
   *
   * @param begins it is a key frame of the reference track
   * @returns false when this frame made the GOP exceed a bound
   */
  write(frame: Frame, begins: boolean): boolean {
    if (begins) {
      this.clear();
      this.#isOpen = true;
    }
    if (!this.#isOpen) return true;
    this.#bytes += frame.data.length;
    if (this.#bytes > this.#maxBytes || this.#frames.length === this.#maxFrames) {
      this.clear();
      return false;
    }
    this.#frames.push(frame);
    return true;
  }

  /** Drops everything until the next key frame. */
  clear(): void {
    this.#frames = [];
    this.#bytes = 0;
    this.#isOpen = false;
  }
}

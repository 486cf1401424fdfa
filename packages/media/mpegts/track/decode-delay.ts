/**
 * Moves decode times back where an encoder left out the delay of reordering: B-pictures are then shown before
 * they are decoded.
 * In: frames in decode order, dts increasing. Out: the same with dts <= pts, pts untouched (docs/media.md
 * 13). ISO/IEC 13818-1, 2.4.3.7.
 *
 * Streams with a correct delay show it in their first picture, and those without B-pictures never have one:
 * both pass at once.
 */
import type { TrackFrame } from '../elementary.ts';

/** Frames that wait until the delay is known: the longest order of pictures (H.264 A.3.1). */
const LOOK_AHEAD = 16;

/** One video track. */
export class DecodeDelay {
  readonly #out: (frame: TrackFrame) => void;
  readonly #damage: (reason: string) => void;
  /** Frames from the first on that is not shown when it is decoded. */
  #held: TrackFrame[] = [];
  /** Ticks of 90 kHz by which decode times move back. */
  #delay = 0;
  #isKnown = false;
  #lastDts: number | undefined;

  /** @param damage called for frames that are dropped */
  constructor(out: (frame: TrackFrame) => void, damage: (reason: string) => void) {
    this.#out = out;
    this.#damage = damage;
  }

  /** Frames wait. */
  get holds(): boolean {
    return this.#held.length > 0;
  }

  /** Takes a frame. */
  push(frame: TrackFrame): void {
    const isFirst = this.#lastDts === undefined && this.#held.length === 0;
    if (isFirst && frame.pts > frame.dts) this.#isKnown = true;
    const passes = this.#isKnown || (this.#held.length === 0 && frame.pts === frame.dts);
    if (passes) this.#release(frame);
    else if (this.#held.push(frame) >= LOOK_AHEAD) this.flush();
  }

  /** No frames follow for now: delivers those that wait. */
  flush(): void {
    if (this.#held.length === 0) return;
    const frames = this.#held;
    this.#held = [];
    for (const { dts, pts } of frames) this.#delay = Math.max(this.#delay, dts - pts);
    this.#isKnown = true;
    for (const frame of frames) this.#release(frame);
  }

  /** A new timeline begins. */
  restart(): void {
    this.#held = [];
    this.#lastDts = undefined;
    this.#isKnown = this.#delay > 0;
  }

  #release(frame: TrackFrame): void {
    const { pts } = frame;
    this.#delay = Math.max(this.#delay, frame.dts - pts);
    let dts = frame.dts - this.#delay;
    if (this.#lastDts !== undefined && dts <= this.#lastDts) {
      // The delay has just grown: decode times are close together until they are behind the last one.
      dts = this.#lastDts + 1;
      if (dts > pts) {
        this.#damage(`a picture that is decoded ${dts - pts} ticks after it is shown`);
        return;
      }
    }
    this.#lastDts = dts;
    this.#out(dts === frame.dts ? frame : { ...frame, dts });
  }
}

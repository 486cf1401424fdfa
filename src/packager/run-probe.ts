/**
 * The first frames of a run, which wait until its cadence is known.
 * In: frames and faults in order of arrival. Out: the same, given back once enough was seen. docs/media.md 10.
 */
import type { RunContext } from '../live/sink.ts';
import type { Frame } from '../media/frame.ts';
import { LEARN_AT_LEAST_S, LEARN_AT_MOST_S } from './cadence.ts';

/** Frames that may wait. */
const MAX_FRAMES = 4096;

/** A run that has not begun to be cut. */
export class RunProbe {
  readonly context: RunContext;
  readonly frames: Frame[] = [];
  /** Positions in `frames` before which something was wrong. */
  readonly #damages = new Set<number>();
  #first: Frame | undefined;

  constructor(context: RunContext) {
    this.context = context;
  }

  /** Takes a frame; whether enough was seen to promise anything: the second key frame, or as much as is waited for. */
  add(frame: Frame): boolean {
    this.frames.push(frame);
    if (this.frames.length >= MAX_FRAMES) return true;
    const { reference, pace } = this.context;
    if (frame.trackId !== reference.id) return false;
    const first = this.#first;
    this.#first ??= frame;
    // A burst is over when its source says so.
    if (!first || pace.kind !== 'continuous') return false;
    const seconds = (frame.dts - first.dts) / reference.timescale;
    // Every audio frame is a key frame, and a first GOP may be cut short: half a second tells the cadence of frames.
    return seconds >= LEARN_AT_MOST_S || (frame.key && seconds >= LEARN_AT_LEAST_S);
  }

  /** Something was wrong before the next frame. */
  damage(): void {
    this.#damages.add(this.frames.length);
  }

  /** Gives everything back, in order. */
  replay(to: { frame(frame: Frame): void; damage(): void }): void {
    this.frames.forEach((frame, i) => {
      if (this.#damages.has(i)) to.damage();
      to.frame(frame);
    });
    if (this.#damages.has(this.frames.length)) to.damage();
  }
}

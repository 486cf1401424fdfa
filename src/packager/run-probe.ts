/**
 * Buffers the first frames of a run until its cadence can be measured.
 * In: frames and damage in order of arrival. Out: the same, replayed into the packager. docs/media.md 10.
 */

import type { Frame } from '@oxbow/media/frame';
import type { RunContext } from '../live/sink.ts';
import { LEARN_AT_LEAST_S, LEARN_AT_MOST_S } from './cadence.ts';

/** Most frames to buffer. */
const MAX_FRAMES = 4096;
/**
 * This many reference frames show the frame rate of an encoder: its playlist need not wait for the second key
 * frame.
 */
const FRAMES_OF_RATE = 8;

/** A run whose cadence is not known yet. */
export class RunProbe {
  readonly context: RunContext;
  readonly frames: Frame[] = [];
  /** Positions in `frames` before which the publisher reported damage. */
  readonly #damages = new Set<number>();
  #first: Frame | undefined;
  #references = 0;
  #isEnough = false;
  #hasShownRate = false;

  constructor(context: RunContext) {
    this.context = context;
  }

  /** The UTC offset of the run is final, or waiting longer would not change it. */
  get isSettled(): boolean {
    return this.frames.length >= MAX_FRAMES || (this.context.opening?.isSettled ?? true);
  }

  /**
   * Takes a frame; returns true when the buffer suffices to plan a generation: at the second key frame, or at
   * a limit.
   */
  add(frame: Frame): boolean {
    this.frames.push(frame);
    if (this.frames.length >= MAX_FRAMES) return true;
    const { reference, pace } = this.context;
    if (frame.trackId !== reference.id) return false;
    const first = this.#first;
    this.#first ??= frame;
    this.#references++;
    // The end of a burst is `flush`.
    if (!first || pace.kind !== 'continuous') return false;
    const seconds = (frame.dts - first.dts) / reference.timescale;
    // Every audio frame is a key frame, and a first GOP may be cut short: half a second suffices for the
    // frame rate.
    this.#isEnough ||= seconds >= LEARN_AT_MOST_S || (frame.key && seconds >= LEARN_AT_LEAST_S);
    return this.#isEnough;
  }

  /**
   * Whether the frames show the frame rate of an encoder and its UTC offset is settled; true once. Its GOP
   * length is not known yet.
   */
  get showsRate(): boolean {
    const { run, pace } = this.context;
    if (this.#hasShownRate || run.clock !== 'arrival' || pace.kind !== 'continuous') return false;
    this.#hasShownRate = this.#references >= FRAMES_OF_RATE && this.isSettled;
    return this.#hasShownRate;
  }

  /** The publisher reported damage before the next frame. */
  damage(): void {
    this.#damages.add(this.frames.length);
  }

  /** Replays frames and damage in order. */
  replay(to: { frame(frame: Frame): void; damage(): void }): void {
    this.frames.forEach((frame, i) => {
      if (this.#damages.has(i)) to.damage();
      to.frame(frame);
    });
    if (this.#damages.has(this.frames.length)) to.damage();
  }
}

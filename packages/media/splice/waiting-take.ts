/**
 * A take that is not on yet: keeps its frames from the first key frame on, until the take before is complete.
 * In: frames of one input. Out: the frames that were kept, and the place where the take should begin. Pure.
 */
import type { Frame } from '../frame.ts';
import { ticksToUs } from '../run.ts';
import type { Take } from './take.ts';

/** Longest wait for the last frames of the take before, in media of this one, µs. */
const TAIL_US = 500_000;
/** Frames that are kept at the most, and those of sound that come before the first key frame. */
const MAX_KEPT = 2000;
const MAX_EARLY_SOUND = 100;

/** A frame, and whether it belongs to the sound of the take. */
interface KeptFrame {
  readonly frame: Frame;
  readonly isSound: boolean;
}

/** The frames of a take before it is on. */
export class WaitingTake {
  readonly take: Take;
  #frames: KeptFrame[] = [];
  #first: Frame | undefined;
  #wantedUs: number | undefined;
  #isOverdue = false;

  constructor(take: Take) {
    this.take = take;
  }

  /** Its first key frame has come. */
  get hasBegun(): boolean {
    return this.#first !== undefined;
  }

  /** Where it should begin on the output, µs; undefined: at the end of what the output has. */
  get wantedUs(): number | undefined {
    return this.#wantedUs;
  }

  /** Time of its first frame on the clock of the input, µs. */
  get firstUs(): number {
    return this.#first ? ticksToUs(this.#first.pts, this.take.reference.timescale) : 0;
  }

  /** By how much its first frame is decoded before it is shown, µs. */
  get delayUs(): number {
    return this.#first ? ticksToUs(this.#first.pts - this.#first.dts, this.take.reference.timescale) : 0;
  }

  /** It has waited for the take before for long enough. */
  get isOverdue(): boolean {
    return this.#isOverdue;
  }

  get frames(): readonly KeptFrame[] {
    return this.#frames;
  }

  write(frame: Frame, isSound: boolean): void {
    const { reference } = this.take;
    const isReference = isSound === (reference.kind === 'audio');
    if (!this.#first) {
      if (isReference && frame.key) this.#begin(frame);
      else if (isReference) return;
      else if (this.#frames.length >= MAX_EARLY_SOUND) this.#frames.shift();
    } else if (isReference) {
      this.#isOverdue ||= ticksToUs(frame.dts - this.#first.dts, reference.timescale) > TAIL_US;
    }
    this.#frames.push({ frame, isSound });
    this.#isOverdue ||= this.#frames.length >= MAX_KEPT;
  }

  #begin(first: Frame): void {
    this.#first = first;
    const offsetUs = this.take.options.offsetUs?.(first);
    if (offsetUs !== undefined) this.#wantedUs = this.firstUs + offsetUs;
  }
}

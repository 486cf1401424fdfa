/**
 * Puts decoded samples on one timeline without holes: silence where there is nothing, nothing twice where
 * times overlap.
 * In: pieces of samples with their times. Out: blocks of equal length, joined from time 0 on. Pure.
 */

/** Up to this much, times of the source are rounded: samples stay joined. s */
const JITTER_S = 0.02;
/** Longest silence that is filled at once; a longer hole is a mistake in the times. s */
const MAX_HOLE_S = 24 * 3600;

/** The timeline of one sample rate. */
export class SampleTimeline {
  readonly #channels: number;
  readonly #rate: number;
  readonly #length: number;
  readonly #block: Float32Array;
  readonly #deliver: (block: Float32Array) => void;
  #filled = 0;
  /** Samples that are on the timeline. */
  #end = 0;

  /**
   * @param rate samples per second
   * @param length samples of a block
   * @param deliver receives each block, one channel after the other; it is used again
   */
  constructor(channels: number, rate: number, length: number, deliver: (block: Float32Array) => void) {
    this.#channels = channels;
    this.#rate = rate;
    this.#length = length;
    this.#block = new Float32Array(length * channels);
    this.#deliver = deliver;
  }

  /** Samples on the timeline so far. */
  get end(): number {
    return this.#end;
  }

  /**
   * Adds samples.
   *
   * @param at time of the first of them, samples; those before time 0 are left out
   * @param planes one for each channel
   */
  push(at: number, planes: readonly Float32Array[]): void {
    const offset = at - this.#end;
    const isJoined = this.#end > 0 && Math.abs(offset) <= JITTER_S * this.#rate;
    if (!isJoined && offset > MAX_HOLE_S * this.#rate) return;
    if (!isJoined && offset > 0) this.silence(offset);
    const skipped = isJoined ? 0 : Math.max(0, -offset);
    const count = planes[0]!.length;
    if (skipped < count) this.#add(count - skipped, (channel) => planes[channel]!.subarray(skipped));
  }

  /** Adds silence. */
  silence(samples: number): void {
    this.#add(samples, undefined);
  }

  /** Fills the last block with silence. */
  finish(): void {
    if (this.#filled > 0) this.silence(this.#length - this.#filled);
  }

  #add(count: number, plane: ((channel: number) => Float32Array) | undefined): void {
    for (let used = 0; used < count; ) {
      const taken = Math.min(this.#length - this.#filled, count - used);
      for (let channel = 0; channel < this.#channels; channel++) {
        const start = channel * this.#length + this.#filled;
        if (plane) this.#block.set(plane(channel).subarray(used, used + taken), start);
        else this.#block.fill(0, start, start + taken);
      }
      used += taken;
      this.#filled += taken;
      if (this.#filled === this.#length) {
        this.#filled = 0;
        this.#deliver(this.#block);
      }
    }
    this.#end += count;
  }
}

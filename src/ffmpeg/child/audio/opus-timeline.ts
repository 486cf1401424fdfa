/**
 * Puts live samples of 48 kHz on one timeline without holes: decoders of RTP hear each step that is not a
 * block.
 * In: pieces of samples with their times. Out: blocks of 960 samples with their times, joined. Pure.
 */

const RATE = 48_000;
const BLOCK = 960;
/** Times of the source are rounded by up to this much: samples stay joined, samples. 5 ms */
const ROUNDED = 0.005 * RATE;
/**
 * The clock of the source drifts by up to this much: each piece gets one sample more or less, which is not
 * audible, samples. 15 ms
 */
const DRIFTED = 0.015 * RATE;
/** Longest hole that becomes silence; after a longer one the timeline begins again, samples. */
const MAX_HOLE = 0.5 * RATE;

/** The timeline of one track. */
export class OpusTimeline {
  readonly #channels: number;
  readonly #block: Float32Array;
  readonly #deliver: (pts: number, block: Float32Array) => void;
  #filled = 0;
  /** Time of the next sample; undefined before the first one. */
  #end: number | undefined;

  /**
   * @param deliver receives each block, one channel after the other, with the time of its first sample; it is
   *   used again
   */
  constructor(channels: 1 | 2, deliver: (pts: number, block: Float32Array) => void) {
    this.#channels = channels;
    this.#block = new Float32Array(BLOCK * channels);
    this.#deliver = deliver;
  }

  /**
   * Adds samples.
   *
   * @param at time of the first of them, samples
   * @param planes one for each channel, of equal lengths
   */
  push(at: number, planes: readonly Float32Array[]): void {
    const count = planes[0]!.length;
    if (count === 0) return;
    if (this.#end !== undefined && Math.abs(at - this.#end) > MAX_HOLE) this.finish();
    this.#end ??= at;
    const offset = at - this.#end;
    const size = Math.abs(offset);
    const change = size > DRIFTED ? size : size > ROUNDED ? 1 : 0;
    if (offset < 0) {
      this.#add(count - change, (channel) => planes[channel]!.subarray(change));
      return;
    }
    if (change === 1) this.#add(1, (channel) => planes[channel]!.subarray(0, 1));
    else this.#add(change, undefined);
    this.#add(count, (channel) => planes[channel]!);
  }

  /**
   * The media ends: fills the last block with silence. The next samples may have any time.
   * @param silence samples of it before that
   */
  finish(silence = 0): void {
    if (this.#end === undefined) return;
    this.#add(silence, undefined);
    if (this.#filled > 0) this.#add(BLOCK - this.#filled, undefined);
    this.#end = undefined;
  }

  #add(count: number, plane: ((channel: number) => Float32Array) | undefined): void {
    for (let used = 0; used < count; ) {
      const taken = Math.min(BLOCK - this.#filled, count - used);
      for (let channel = 0; channel < this.#channels; channel++) {
        const start = channel * BLOCK + this.#filled;
        if (plane) this.#block.set(plane(channel).subarray(used, used + taken), start);
        else this.#block.fill(0, start, start + taken);
      }
      used += taken;
      this.#filled += taken;
      this.#end! += taken;
      if (this.#filled < BLOCK) continue;
      this.#filled = 0;
      this.#deliver(this.#end! - BLOCK, this.#block);
    }
  }
}

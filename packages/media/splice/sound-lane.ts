/**
 * The sound of a splice: whole audio frames of one take after the other, each within 20 ms of its picture.
 * In: audio frames of a take, and where its clock is in the output. Out: frames of one audio track. Pure.
 */
import type { AudioTrack, Frame } from '../frame.ts';
import { rescale } from '../rescale.ts';
import { usToTicks } from '../run.ts';

/** Furthest that a frame is moved from the time of its picture, so that no hole is left at a cut, µs. */
const MOST_MOVED_US = 20_000;

/** Audio frames on the clock of the output. */
export class SoundLane {
  readonly #output: AudioTrack;
  readonly #input: AudioTrack;
  /** Ticks of the output that are added: the clock of the take, then the small move of its sound. */
  readonly #offset: number;
  #moved: number | undefined;
  #end: number;
  #length = 0;

  /**
   * @param output the track of the output: the same configuration, its own id and timescale
   * @param input the track of the take
   * @param offsetUs added to times of the take, µs
   * @param end where the sound of the output ends, ticks of the output; undefined before its first frame
   */
  constructor(output: AudioTrack, input: AudioTrack, offsetUs: number, end: number | undefined) {
    this.#output = output;
    this.#input = input;
    this.#offset = usToTicks(offsetUs, output.timescale);
    this.#end = end ?? Number.NEGATIVE_INFINITY;
  }

  /** The end of the last frame, ticks of the output; `-Infinity` before the first. */
  get end(): number {
    return this.#end;
  }

  /** How far the sound is from its picture, ticks of the output, from -20 ms to 20 ms; positive: late. */
  get moved(): number {
    return this.#moved ?? 0;
  }

  /** The length of the last frame, ticks of the output. */
  get frameLength(): number {
    return this.#length;
  }

  /** The middle of a frame by the clock of its take, ticks of the output. */
  middleOf(frame: Frame): number {
    return this.#timeOf(frame) + this.#lengthOf(frame) / 2;
  }

  #timeOf(frame: Frame): number {
    return rescale(frame.pts, this.#input.timescale, this.#output.timescale) + this.#offset;
  }

  #lengthOf(frame: Frame): number {
    return rescale(frame.duration, this.#input.timescale, this.#output.timescale);
  }

  /**
   * A frame of the take on the clock of the output; undefined for one that would overlap what the output
   * has. The first frame decides the move of all: it begins where the last take ended if that is within
   * 20 ms (or half a frame, if that is less), otherwise at its own time, with a hole of less than a frame.
   */
  place(frame: Frame): Frame | undefined {
    const { timescale, id } = this.#output;
    const length = this.#lengthOf(frame);
    const time = this.#timeOf(frame);
    if (this.#moved === undefined) {
      const early = this.#end - time;
      const most = Math.min(usToTicks(MOST_MOVED_US, timescale), Math.ceil(length / 2));
      if (early > most) return undefined;
      this.#moved = -early <= most && Number.isFinite(early) ? early : 0;
    }
    const dts = Math.round(time + this.#moved);
    // One tick of rounding is no overlap.
    if (dts < this.#end - 1) return undefined;
    const at = Math.max(dts, Math.round(this.#end) - 1);
    this.#end = at + length;
    this.#length = length;
    return { trackId: id, dts: at, pts: at, duration: length, key: true, data: frame.data };
  }
}

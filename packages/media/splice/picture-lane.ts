/**
 * The picture of a splice: frames of one take on the clock of the output.
 * In: video frames of a take in decode order, from a key frame on. Out: frames of one video track, decode
 * times increasing. Pure.
 */
import type { Frame, VideoTrack } from '../frame.ts';
import { rescale } from '../rescale.ts';
import { usToTicks } from '../run.ts';

/** Video frames on the clock of the output. */
export class PictureLane {
  readonly #output: VideoTrack;
  readonly #input: VideoTrack;
  readonly #offset: number;
  #lastDts: number;
  /** The largest pts that was sent, and the length of that frame; ticks of the output. */
  #last: { pts: number; duration: number } | undefined;
  /** Pts of the first key frame, ticks of the output. */
  #first: number | undefined;

  /**
   * @param offsetUs added to times of the take, µs
   * @param lastDts the last decode time of the output, ticks; `-Infinity` before its first frame
   */
  constructor(output: VideoTrack, input: VideoTrack, offsetUs: number, lastDts: number) {
    this.#output = output;
    this.#input = input;
    this.#offset = usToTicks(offsetUs, output.timescale);
    this.#lastDts = lastDts;
  }

  get lastDts(): number {
    return this.#lastDts;
  }

  /** The picture that is shown last, ticks of the output; undefined before the first frame. */
  get last(): { readonly pts: number; readonly duration: number } | undefined {
    return this.#last;
  }

  /** The times of a frame on the clock of the output, ticks. */
  timesOf({ dts, pts, duration }: Frame): { readonly dts: number; readonly pts: number; readonly duration: number } {
    const [from, to] = [this.#input.timescale, this.#output.timescale];
    return {
      dts: rescale(dts, from, to) + this.#offset,
      pts: rescale(pts, from, to) + this.#offset,
      duration: Math.max(1, rescale(duration, from, to)),
    };
  }

  /**
   * A frame on the clock of the output. Undefined for a picture before the first key frame of the take: it
   * needs frames that the output does not have. The first decode times of a take with B-frames are moved
   * together where the output is past them.
   */
  place(frame: Frame): Frame | undefined {
    const { dts, pts, duration } = this.timesOf(frame);
    this.#first ??= pts;
    if (pts < this.#first) return undefined;
    const least = Number.isFinite(this.#lastDts) ? this.#lastDts + 1 : dts;
    const at = Math.max(dts, least);
    const shown = Math.max(pts, at);
    this.#lastDts = at;
    if (!this.#last || shown > this.#last.pts) this.#last = { pts: shown, duration };
    return { trackId: this.#output.id, dts: at, pts: shown, duration, key: frame.key, data: frame.data };
  }
}

/**
 * Decides where the timestamps of a source jump: a jump of more than half a second begins a run
 * (docs/media.md 5).
 * In: the frames of the reference track. Out: jumps, late frames and missing frames. Pure.
 */
import type { Frame, Track } from '@oxbow/media/frame';
import { ticksToUs } from '@oxbow/media/run';
import { referenceOf } from './reference.ts';

/** Smaller distances are continuous media, larger ones a hole (docs/media.md 5). */
export const HOLE_US = 500_000;

/** A jump of the timestamps. */
interface Jump {
  /** Forward: media is missing. Otherwise the timestamps went back. */
  readonly isAhead: boolean;
  /** For a person. */
  readonly detail: string;
}

/** Follows the reference track over all runs of a stream. */
export class Continuity {
  #tracks: readonly Track[] = [];
  #reference: Track | undefined;
  /** Of the last frame; undefined before the first. An object for each would be garbage. */
  #lastDts: number | undefined;
  #lastDuration = 0;
  #isEncoder = false;

  /**
   * A run begins: its first frame may have any time.
   *
   * @param isEncoder the frames come from an encoder, which never repeats media: a key frame at or before the
   *   last frame is a jump back, however small, because the frames after it need it
   */
  begin(tracks: readonly Track[], isEncoder = false): void {
    this.#tracks = tracks;
    this.#isEncoder = isEncoder;
    this.#reference = referenceOf(tracks);
    this.#lastDts = undefined;
  }

  /** Takes a frame of the reference track. */
  add({ dts, duration }: Frame): void {
    this.#lastDts = dts;
    this.#lastDuration = duration;
  }

  /** The jump before a frame of any track, if there is one. */
  jump(frame: Frame): Jump | undefined {
    const last = this.#lastDts;
    const reference = this.#reference;
    if (last === undefined || !reference) return undefined;
    const dts =
      frame.trackId === reference.id ? frame.dts : frame.dts * (reference.timescale / this.#timescaleOf(frame));
    const aheadUs = ticksToUs(dts - last - this.#lastDuration, reference.timescale);
    const isBack = this.#isEncoder && reference.kind === 'video' && frame.trackId === reference.id && frame.key;
    const leastUs = isBack && dts <= last ? 0 : HOLE_US;
    // Durations are estimates: a frame after the last one is no jump back, however early it is.
    if (Math.abs(aheadUs) <= leastUs || (aheadUs < 0 && dts > last)) return undefined;
    const step = `${(Math.abs(aheadUs) / 1_000_000).toFixed(1)} s`;
    return aheadUs > 0
      ? { isAhead: true, detail: `the source jumped ahead by ${step}` }
      : { isAhead: false, detail: `the source's timestamps went back by ${step}` };
  }

  /** Whether a frame of the reference track comes at or before the last one. */
  isLate({ dts }: Frame): boolean {
    return this.#lastDts !== undefined && dts <= this.#lastDts;
  }

  /** Whether frames are missing before a frame of the reference track: more than two of its length. */
  isMissingBefore({ dts, duration }: Frame): boolean {
    return this.#lastDts !== undefined && dts - this.#lastDts - this.#lastDuration > 2 * duration;
  }

  #timescaleOf({ trackId }: Frame): number {
    return this.#tracks.find(({ id }) => id === trackId)?.timescale ?? 1;
  }
}

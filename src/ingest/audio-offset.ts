/**
 * Moves the audio of a publisher by a constant time, for encoders whose audio does not match their video
 * (docs/media.md 4).
 * In: the tracks of a run and the setting `source.audioOffset`. Out: frames with moved times. Constant for
 * the run. Pure.
 */

import type { Frame, Track } from '@oxbow/media/frame';
import { usToTicks } from '@oxbow/media/run';
import { referenceOf } from '../live/reference.ts';

/** The offset of one run. */
export class AudioOffset {
  /** µs; positive: audio is presented later. */
  readonly us: number;
  /** By track id. */
  readonly #ticks: ReadonlyMap<number, number>;

  /**
   * @param ms positive: audio is presented later. Without video it has no effect, because there is nothing to
   *   match.
   */
  constructor(tracks: readonly Track[], ms: number) {
    const moved = referenceOf(tracks).kind === 'video' && ms !== 0 ? tracks.filter(({ kind }) => kind === 'audio') : [];
    this.us = moved.length > 0 ? ms * 1000 : 0;
    this.#ticks = new Map(moved.map(({ id, timescale }) => [id, usToTicks(this.us, timescale)]));
  }

  /** The frame, with dts and pts moved by the same ticks if it is audio. */
  apply(frame: Frame): Frame {
    if (this.us === 0) return frame;
    const ticks = this.#ticks.get(frame.trackId);
    return ticks === undefined ? frame : { ...frame, dts: frame.dts + ticks, pts: frame.pts + ticks };
  }
}

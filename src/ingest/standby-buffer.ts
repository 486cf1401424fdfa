/**
 * The newest GOPs of a standby publisher, so that it takes over at once, at a key frame that is in the past.
 * In: its frames as they arrive. Out: the frames with which its run begins. docs/media.md 31.
 */

import type { Frame, Track } from '@oxbow/media/frame';
import { ticksToUs } from '@oxbow/media/run';
import { Continuity } from '../live/continuity.ts';
import { DEFAULT_GOP_BOUNDS, type GopBounds, GopBuffer } from '../live/gop-buffer.ts';
import type { MemoryBudget } from '../live/memory-budget.ts';
import { referenceOf } from '../live/reference.ts';

/**
 * A takeover repeats at most this much of what viewers have seen, µs: after that it waits for the next key
 * frame. The UTC of the repeated media moves forward.
 */
const MAX_REPEATED_US = 5_000_000;
/**
 * A standby publisher keeps at least this much, however many GOPs it has, within the bytes of its bounds: a
 * publisher has stalled after 5 s, a busy process notices it late, and the takeover begins with a GOP that is
 * complete.
 */
const LEAST_S = 10;

/** Bounds of a buffer, and the memory that it may use. */
export interface StandbyBounds {
  /**
   * The defaults of GopBuffer if not given. Its `maxGops` has no effect, and less than 10 s in `maxS` none
   * either.
   */
  readonly gop?: GopBounds | undefined;
  readonly memory?: MemoryBudget | undefined;
}

/** The buffer of one session, for one set of tracks. */
export class StandbyBuffer {
  readonly #reference: Track;
  readonly #gops: GopBuffer;
  readonly #continuity = new Continuity();

  constructor(tracks: readonly Track[], { gop = DEFAULT_GOP_BOUNDS, memory }: StandbyBounds) {
    this.#reference = referenceOf(tracks);
    const bounds = { ...gop, maxS: Math.max(gop.maxS, LEAST_S), maxGops: Number.POSITIVE_INFINITY };
    this.#gops = new GopBuffer(bounds, memory);
    this.#continuity.begin(tracks, true);
  }

  /**
   * Keeps a frame. Frames before a jump of the timestamps are dropped, because a run cannot contain one.
   *
   * @returns false if the timestamps jumped before the frame
   */
  add(frame: Frame): boolean {
    const isReference = frame.trackId === this.#reference.id;
    const jumps = isReference && this.#continuity.jump(frame) !== undefined;
    if (jumps) this.#gops.clear();
    else if (isReference && this.#continuity.isLate(frame)) return true;
    if (isReference) this.#continuity.add(frame);
    this.#gops.write(frame, this.#reference);
    return !jumps;
  }

  /**
   * The frames of a run that begins as near as possible to the end of the stream's media, from a key frame
   * on; empty if there is no key frame that is near enough.
   *
   * @param endUs end of the stream's media, µs since 1970; undefined: it has none
   * @param offsetUs UTC of pts 0 of this publisher, µs since 1970
   */
  framesFrom(endUs: number | undefined, offsetUs: number): Frame[] {
    const { gops } = this.#gops;
    const distances = gops.map(({ frames }) => {
      const startUs = offsetUs + ticksToUs(frames[0]!.pts, this.#reference.timescale);
      return Math.abs(startUs - (endUs ?? startUs));
    });
    const least = Math.min(...distances);
    // Of equal distances the later one: it repeats less.
    const at = endUs === undefined ? gops.length - 1 : distances.lastIndexOf(least);
    if (at < 0) return [];
    const startUs = offsetUs + ticksToUs(gops[at]!.frames[0]!.pts, this.#reference.timescale);
    if (endUs !== undefined && endUs - startUs > MAX_REPEATED_US) return [];
    return gops.slice(at).flatMap(({ frames }) => frames);
  }

  /** Drops everything. */
  clear(): void {
    this.#gops.clear();
  }
}

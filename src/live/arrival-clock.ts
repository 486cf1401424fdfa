/**
 * Finds the UTC offset of a publisher without a clock: the minimum of (arrival − pts) over two seconds
 * (docs/media.md 2).
 * In: the frames of a publisher as they arrive. Out: an offset that only moves back, and whether it is found.
 * Pure.
 *
 * The first frames are often late: encoders send the GOP that they kept when they connect, and TCP delivers a
 * backlog in a burst. The minimum belongs to the frame that waited least.
 */
import { HOLE_US } from './continuity.ts';

/**
 * Length of the measurement, µs. Later measurements of a standby publisher have the same length: its clock
 * may drift.
 */
const WINDOW_US = 2_000_000;
/** The offset is settled when it has not moved back for this long, µs: a burst of late frames is over. */
const STEADY_US = 200_000;
/** A smaller move is jitter, µs. */
const JITTER_US = 5000;

/** The arrival of a publisher's frames. */
export class ArrivalClock {
  /** Start of the first and of the current measurement, monotonic µs. */
  #firstUs: number | undefined;
  #windowUs = 0;
  #leastUs = Number.POSITIVE_INFINITY;
  /** Of the measurement before the current one. */
  #previousUs = Number.POSITIVE_INFINITY;
  /**
   * Least (arrival − dts): by pts, the offset of an encoder with B-frames would move back with frames that
   * are shown later.
   */
  #leastByDtsUs = Number.POSITIVE_INFINITY;
  /** When that moved back last. */
  #movedUs = 0;
  #nowUs = 0;
  #lastPtsUs: number | undefined;
  /** The timestamps jumped: what follows has another offset. */
  #jumped = false;

  /**
   * Takes a frame of the reference track.
   *
   * @param ptsUs media time, µs
   * @param wallUs time of its arrival, µs since 1970
   * @param monotonicUs the same by the monotonic clock
   * @param dtsUs decode time, µs
   */
  add(ptsUs: number, wallUs: number, monotonicUs: number, dtsUs = ptsUs): void {
    this.#jumped ||= Math.abs(ptsUs - (this.#lastPtsUs ?? ptsUs)) > HOLE_US;
    this.#lastPtsUs = ptsUs;
    this.#nowUs = monotonicUs;
    if (this.#jumped) return;
    if (this.#firstUs === undefined) {
      this.#firstUs = monotonicUs;
      this.#windowUs = monotonicUs;
    } else if (monotonicUs - this.#windowUs > WINDOW_US) {
      this.#previousUs = this.#leastUs;
      this.#leastUs = Number.POSITIVE_INFINITY;
      this.#windowUs = monotonicUs;
    }
    const offsetUs = wallUs - ptsUs;
    const byDtsUs = wallUs - dtsUs;
    if (byDtsUs < this.#leastByDtsUs - JITTER_US) this.#movedUs = monotonicUs;
    this.#leastByDtsUs = Math.min(this.#leastByDtsUs, byDtsUs);
    if (offsetUs < this.#leastUs) this.#leastUs = offsetUs;
  }

  /** UTC of pts 0, µs since 1970; Infinity before the first frame. */
  get offsetUs(): number {
    return Math.min(this.#leastUs, this.#previousUs);
  }

  /** The offset has been steady for 200 ms, or the measurement has taken two seconds. */
  get isSettled(): boolean {
    return this.isOver || this.#nowUs - this.#movedUs >= STEADY_US;
  }

  /** The first measurement has taken two seconds, or ended at a jump of the timestamps. */
  get isOver(): boolean {
    return this.#jumped || (this.#firstUs !== undefined && this.#nowUs - this.#firstUs >= WINDOW_US);
  }
}

/**
 * Compares media time with arrival, for publishers without a clock: where timestamps jump ahead and less time
 * has passed, the run begins at its arrival, so that nothing is recorded in the future (docs/media.md 2).
 * In: the frames of the reference track as they are written. Out: the UTC offset of a run, by its first
 * frame.
 *
 * The delay of a frame is its arrival, by the monotonic clock, minus its UTC; only differences count. Frames
 * that come late, in a burst after a stall, do not change the least delay: media that catches up is no jump.
 */

import type { Frame } from '@oxbow/media/frame';
import { ticksToUs } from '@oxbow/media/run';
import type { Clock } from '../../lib/clock.ts';
import type { RunStart } from '../input.ts';
import type { PendingRun } from '../pending-run.ts';

/**
 * Jumps ahead may put media so far before its arrival, all together, µs: smaller ones are frames that were
 * left out.
 */
const MAX_AHEAD_US = 2_000_000;

/** Media time against arrival since the publisher began. */
export class ArrivalPace {
  readonly #clock: Clock;
  /** Least delay, without what jumps ahead added; undefined before the first frame. */
  #leastUs: number | undefined;
  /** Of the last frame. */
  #delayUs = 0;
  /** By how much jumps have put media before its arrival. */
  #aheadUs = 0;
  #lastDts = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Another publisher begins, or the same one says where its media belongs. */
  reset(): void {
    this.#leastUs = undefined;
    this.#delayUs = 0;
    this.#aheadUs = 0;
    this.#lastDts = Number.NEGATIVE_INFINITY;
  }

  /** A frame was written. @param decodeUs its decode time in UTC: presentation times are out of order */
  add({ dts }: Frame, decodeUs: number): void {
    this.#lastDts = dts;
    this.#delayUs = this.#nowUs - decodeUs;
    this.#leastUs = Math.min(this.#leastUs ?? Number.POSITIVE_INFINITY, this.#delayUs + this.#aheadUs);
  }

  /** The UTC offset of the run moved, forward where positive, µs. */
  moved(byUs: number): void {
    this.#delayUs -= byUs;
    if (this.#leastUs !== undefined) this.#leastUs -= byUs;
  }

  /**
   * Gives a pending run the UTC offset that its first frame has: that of the publisher, unless the timestamps
   * have jumped back, or ahead of arrival.
   *
   * @param first of the reference track
   * @param timescale of that track
   * @param endUs end of the stream's media, µs since 1970
   * @returns the new start of the run
   */
  place(pending: PendingRun, first: Frame, timescale: number, endUs: number): RunStart {
    pending.isPlaced = true;
    const { arrival, ...start } = pending.start;
    // An offset that is being measured follows arrival.
    if (arrival && !arrival.isOver) return pending.start;
    const dtsUs = ticksToUs(first.dts, timescale);
    if (start.pace.kind === 'bursty') {
      // Bursts say where they belong; one whose timestamps went back continues where the last one ended.
      if (pending.wentBack) pending.start = { ...start, utcOffsetUs: endUs - ticksToUs(first.pts, timescale) };
      return pending.start;
    }
    const earliestUs =
      this.#leastUs === undefined ? Math.round(this.#clock.nowMs() * 1000) : this.#nowUs - this.#leastUs;
    const aheadUs = (arrival?.offsetUs ?? start.utcOffsetUs) + dtsUs - earliestUs;
    const isBack = pending.wentBack || first.dts <= this.#lastDts;
    // Late media keeps its time: what catches up with it may come.
    if (!isBack && (start.clock !== 'arrival' || aheadUs <= MAX_AHEAD_US)) return pending.start;
    this.#aheadUs = 0;
    // As late as the last frame was, but not earlier than any.
    const lateUs = this.#leastUs === undefined ? 0 : Math.max(0, this.#delayUs - this.#leastUs);
    pending.start = { ...start, utcOffsetUs: earliestUs - lateUs - dtsUs };
    return pending.start;
  }

  /**
   * A run begins, perhaps later than `place` says.
   * @param decodeUs decode time of its first frame in UTC, µs since 1970
   */
  begin(decodeUs: number): void {
    if (this.#leastUs !== undefined) this.#aheadUs = Math.max(this.#aheadUs, decodeUs - (this.#nowUs - this.#leastUs));
  }

  /** Monotonic. */
  get #nowUs(): number {
    return Math.round(this.#clock.monotonicMs() * 1000);
  }
}

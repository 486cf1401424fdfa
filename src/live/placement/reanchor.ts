/**
 * Decides when the UTC offset of the current run moves forward: the wall clock was set forward, or the
 * source's clock is slow.
 * In: runs as they begin, frames of the reference track, both clocks. Out: by how much the UTC offset moves.
 * docs/media.md 1 and 3.
 */

import type { Frame } from '@oxbow/media/frame';
import { ticksToUs } from '@oxbow/media/run';
import type { Clock } from '../../lib/clock.ts';
import type { RunStart, SourceSegment } from '../input.ts';
import { SkewMeter } from './skew.ts';

/** Shortest age of a run for a soft re-anchor: before, its playlist may not have begun. µs */
export const REANCHOR_AFTER_US = 10_000_000;
/**
 * From this size on, a step of the wall clock shows in the playlists that came after it, however late they
 * were loaded.
 */
const SURE_STEP_US = 30_000_000;

/** Details of a gap where the UTC offset moved forward. */
export const CLOCK_SET_FORWARD = 'the clock was set forward';
const CLOCK_IS_SLOW = "the source's clock is slow";

/** The clock of one stream, over all its runs. */
export class Reanchor {
  readonly #clock: Clock;
  /** Of runs whose UTC offset was found by arrival. */
  #meter: SkewMeter | undefined;
  #utcOffsetUs = 0;
  #isBursty = false;
  /** Why the UTC offset moved last, as detail of a gap. */
  detail: string = CLOCK_SET_FORWARD;
  /** The next key frame of the reference track is the first of a burst. */
  #burstBegins = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How far the wall clock is ahead of the run's UTC, µs; undefined for sources with their own clock. */
  get skewUs(): number | undefined {
    return this.#meter?.stepsOnly ? undefined : this.#meter?.skewUs;
  }

  /** Whether the wall clock was set forward and the UTC offset has not followed yet. */
  get isStepped(): boolean {
    this.#look();
    return (this.#meter?.steppedUs ?? 0) > 0;
  }

  /**
   * Begins a run. A pending step applies to it, unless its UTC offset was computed from the wall clock since.
   *
   * @param options.utcOffsetUs UTC offset of the run, µs
   * @param options.joins it begins where the last one ended
   * @param options.behindUs by how much the UTC offset was moved forward so that UTC does not run back, µs
   */
  begin(
    { clock, pace }: Pick<RunStart, 'clock' | 'pace'>,
    {
      utcOffsetUs,
      joins,
      behindUs,
    }: { readonly utcOffsetUs: number; readonly joins: boolean; readonly behindUs: number },
  ): void {
    const stepsOnly = pace.kind === 'bursty';
    const isKept = utcOffsetUs === this.#utcOffsetUs || (stepsOnly && joins);
    if (clock !== 'arrival') this.#meter = undefined;
    else if (!this.#meter || this.#meter.stepsOnly !== stepsOnly || !isKept) {
      this.#meter = new SkewMeter({ stepsOnly, behindUs });
    }
    this.#utcOffsetUs = utcOffsetUs;
    this.#isBursty = stepsOnly;
    this.#burstBegins = false;
    this.#look();
  }

  /** A burst ended. */
  flush(): void {
    this.#burstBegins = true;
  }

  /**
   * By how much the UTC offset moves forward at a frame of the reference track, µs; 0 while it stays. It
   * moves only at key frames, of a burst at the first one.
   *
   * @param segment what the source's playlist says of the frame's segment
   * @param isSettled the run is old enough
   */
  dueUs(frame: Frame, timescale: number, segment: SourceSegment | undefined, isSettled: boolean): number {
    const meter = this.#meter;
    if (!meter || (this.#isBursty && !(frame.key && this.#burstBegins))) return 0;
    this.#burstBegins = false;
    const { wallUs, monotonicUs } = this.#now;
    meter.add({ wallUs, monotonicUs, mediaUs: this.#utcOffsetUs + ticksToUs(frame.dts, timescale) });
    const { steppedUs } = meter;
    if (steppedUs >= SURE_STEP_US && segment) {
      // Only a playlist that came after the step can tell: the step waits for the next segment.
      if (wallUs - segment.listedUs >= steppedUs / 2) return 0;
      // The playlist did not move with the wall clock: the computer slept, or its virtual machine did.
      if (segment.utcOffsetUs - this.#utcOffsetUs < steppedUs / 2) meter.dismissStep();
    }
    if (!frame.key || !isSettled) return 0;
    const dueUs = Math.round(meter.dueUs);
    if (dueUs <= 0) return 0;
    this.detail = meter.steppedUs > 0 ? CLOCK_SET_FORWARD : CLOCK_IS_SLOW;
    meter.moved();
    this.#utcOffsetUs += dueUs;
    return dueUs;
  }

  get #now(): { readonly wallUs: number; readonly monotonicUs: number } {
    return {
      wallUs: Math.round(this.#clock.nowMs() * 1000),
      monotonicUs: Math.round(this.#clock.monotonicMs() * 1000),
    };
  }

  #look(): void {
    const { wallUs, monotonicUs } = this.#now;
    this.#meter?.look(wallUs, monotonicUs);
  }
}

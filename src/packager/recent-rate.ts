/**
 * The bit rate of the last hour of a derived quality: an encoder with a constant quality needs less than its
 * cap while the picture is quiet.
 * In: durations and bytes of segments in order. Out: the peak and the average. Pure.
 */
import { PeakRate } from '@oxbow/media/peak-rate';

/** Media of one stretch, of which the oldest is forgotten first, µs. */
const STRETCH_US = 60_000_000;
/** Stretches that are kept: an hour. */
const STRETCHES = 60;
/** Media after which a rate is known, target durations. */
const KNOWN_AFTER_TARGETS = 5;
/** A rate is listed again when it is further off than this share: lists seldom change. */
const OFF_BY = 0.1;

/** Bit rates of a quality, bits per second. */
export interface MeasuredRate {
  /** As PeakRate finds it. */
  readonly peak: number;
  readonly average: number;
}

/** Measures the segments of one quality. */
export class RecentRate {
  /** Oldest first. */
  #stretches: PeakRate[] = [];
  #listed: MeasuredRate | undefined;

  /**
   * Takes the next segment.
   *
   * @param targetDurationS TARGETDURATION of its list
   */
  add(durationUs: number, bytes: number, targetDurationS: number): void {
    let last = this.#stretches.at(-1);
    if (!last || last.durationUs >= STRETCH_US) {
      last = new PeakRate(targetDurationS);
      this.#stretches = [...this.#stretches, last].slice(-STRETCHES);
    }
    last.add(durationUs, bytes);
  }

  /** Other media follows. */
  clear(): void {
    this.#stretches = [];
    this.#listed = undefined;
  }

  /**
   * The rates to list; undefined until there are five target durations. The same object while they are near.
   */
  listed(targetDurationS: number): MeasuredRate | undefined {
    const durationUs = this.#stretches.reduce((sum, stretch) => sum + stretch.durationUs, 0);
    if (durationUs < KNOWN_AFTER_TARGETS * targetDurationS * 1e6) return undefined;
    const average =
      this.#stretches.reduce((sum, stretch) => sum + stretch.average * stretch.durationUs, 0) / durationUs;
    const peak = Math.max(...this.#stretches.map(({ rate }) => rate));
    const isNear = (now: number, then: number) => Math.abs(now - then) <= OFF_BY * then;
    const before = this.#listed;
    if (!before || !isNear(average, before.average) || !isNear(peak, before.peak)) this.#listed = { peak, average };
    return this.#listed;
  }
}

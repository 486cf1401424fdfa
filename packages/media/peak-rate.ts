/**
 * The peak segment bit rate of a list (RFC 8216bis 4.4.6.2, BANDWIDTH): the largest rate of any contiguous
 * set of segments that lasts from 0.5 to 1.5 target durations. A short segment alone, such as the last one of
 * a run, is no peak.
 * In: durations and bytes of segments in order. Out: bits per second. Pure.
 */

/** Shortest and longest set, target durations. */
const SHORTEST = 0.5;
const LONGEST = 1.5;

interface Segment {
  readonly durationUs: number;
  readonly bytes: number;
}

/** Measures the segments of one rendition. */
export class PeakRate {
  readonly #leastUs: number;
  readonly #mostUs: number;
  /** The newest segments, together at most the longest set. */
  #newest: Segment[] = [];
  #newestUs = 0;
  #peak: number | undefined;
  #durationUs = 0;
  #bytes = 0;

  /** @param targetDurationS TARGETDURATION of the list */
  constructor(targetDurationS: number) {
    this.#leastUs = SHORTEST * targetDurationS * 1e6;
    this.#mostUs = LONGEST * targetDurationS * 1e6;
  }

  /**
   * Of all segments, bits per second: that of all together where they are shorter than any set; 0 without
   * any.
   */
  get rate(): number {
    return this.#peak ?? this.average;
  }

  /** The average of all segments, bits per second; 0 without any (AVERAGE-BANDWIDTH). */
  get average(): number {
    return this.#durationUs > 0 ? (this.#bytes * 8e6) / this.#durationUs : 0;
  }

  /** Duration of all segments, µs. */
  get durationUs(): number {
    return this.#durationUs;
  }

  /** Takes the next segment; one without a duration counts for the next one. */
  add(durationUs: number, bytes: number): void {
    this.#durationUs += durationUs;
    this.#bytes += bytes;
    this.#newest.push({ durationUs, bytes });
    this.#newestUs += durationUs;
    while (this.#newestUs > this.#mostUs && this.#newest.length > 1) this.#newestUs -= this.#newest.shift()!.durationUs;
    let us = 0;
    let sum = 0;
    for (let i = this.#newest.length - 1; i >= 0; i--) {
      us += this.#newest[i]!.durationUs;
      sum += this.#newest[i]!.bytes;
      if (us >= this.#leastUs) this.#peak = Math.max(this.#peak ?? 0, (sum * 8e6) / us);
    }
  }
}

/** TARGETDURATION of a list that promises `leastS`: its longest segment may raise it. */
export function longestTargetS(segments: Iterable<{ readonly durationUs: number }>, leastS: number): number {
  let longest = leastS;
  for (const { durationUs } of segments) longest = Math.max(longest, Math.round(durationUs / 1e6));
  return longest;
}

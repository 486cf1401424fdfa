/**
 * After a reconnect, a source may begin with media that the stream has already: it is dropped and counted
 * (docs/media.md 2).
 * In: the segment that the source names, the end of the stream's media. Out: whether a key frame is known;
 * the dropped time. Pure.
 */
import type { SourceSegment } from './input.ts';

/**
 * Segments of the first playlist after a reconnect are clipped to the previous end if they overlap by more
 * than this. A smaller overlap is jitter of the source's clock, and moves the UTC offset.
 */
const CLIP_FROM_US = { source: 40_000, arrival: 3_000_000 } as const;
/** A larger overlap is a clock that jumped back: the UTC offset moves forward, and no frame is dropped. */
const CLIP_UP_TO_US = 60_000_000;

/** Whether the key frame at media time `ptsUs` is in the stream already, which ends at `endUs`; µs. */
export function isKnown(ptsUs: number, endUs: number, segment: SourceSegment | undefined): boolean {
  if (!segment?.mayRepeat) return false;
  const overlapUs = endUs - (segment.utcOffsetUs + ptsUs);
  return overlapUs > CLIP_FROM_US[segment.clock] && overlapUs <= CLIP_UP_TO_US;
}

/** Dropped media of the reference track, not yet reported. */
export class ClippedTime {
  readonly #report: (durationUs: number) => void;
  #us = 0;

  constructor(report: (durationUs: number) => void) {
    this.#report = report;
  }

  add(us: number): void {
    this.#us += us;
  }

  /** Reports what was dropped since the last call. */
  flush(): void {
    const us = this.#us;
    this.#us = 0;
    if (us > 0) this.#report(us);
  }
}

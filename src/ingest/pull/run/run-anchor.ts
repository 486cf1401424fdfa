/**
 * Determines the UTC offset of a run: the constant that maps its timestamps to UTC.
 * In: a segment's date, its distance from the edge, the previous run. Out: the UTC offset and its clock.
 * Pure. docs/media.md 1 and 2.
 */
import type { RunClock } from '@oxbow/media/run';
import type { QueuedSegment } from '../segment/queued-segment.ts';

/** A source's dates are used if the live edge that they imply is at most this far from now. */
const MAX_SOURCE_ERROR_MS = 60_000;
/** Longest gap between the dates of a playlist; a longer one comes from a clock that was not set. */
const MAX_HOLES_MS = 86_400_000;
/** Largest difference at which a dated estimate agrees with the previous run. */
export const DATED_TOLERANCE_US = 500_000;

/** The UTC offset of a run. */
export interface Anchor {
  /** µs since 1970 at pts 0. */
  readonly utcOffsetUs: number;
  readonly clock: RunClock;
}

export interface PreviousRun extends Anchor {
  /** End of its media, µs since 1970. */
  endUs: number;
  /** Timestamps continue: no discontinuity since. */
  readonly sameClock: boolean;
  /** No segment is missing since. */
  readonly contiguous: boolean;
  /** Number of missing segments since, by the Media Sequence Numbers. */
  readonly missing: number;
}

/**
 * Whether the segment's date is plausible: by its dates the edge of its playlist is near now, and the
 * segment is not after it. There may be gaps in between that durations do not show.
 */
export function hasTrueDate(segment: QueuedSegment): boolean {
  const { programDateTimeMs, toEdgeS, arrivedMs } = segment;
  if (programDateTimeMs === undefined) return false;
  const ownEdgeMs = programDateTimeMs + toEdgeS * 1000;
  const edgeMs = segment.edgeMs ?? ownEdgeMs;
  const isNear = Math.abs(edgeMs - arrivedMs) <= MAX_SOURCE_ERROR_MS;
  return isNear && ownEdgeMs <= edgeMs + MAX_SOURCE_ERROR_MS && ownEdgeMs >= edgeMs - MAX_HOLES_MS;
}

/**
 * The UTC offset of a segment: from its date, otherwise from the edge of the playlist that first listed it.
 *
 * @param ptsUs pts of the first frame, µs
 * @param offsetUs position of that frame in the segment, µs
 */
export function estimateAnchor(segment: QueuedSegment, ptsUs: number, offsetUs = 0): Anchor {
  if (!hasTrueDate(segment)) return arrivalAnchor(segment, ptsUs, offsetUs);
  return { utcOffsetUs: Math.round(segment.programDateTimeMs! * 1000 + offsetUs - ptsUs), clock: 'source' };
}

/**
 * The UTC offset from the edge of the playlist that first listed the segment; parameters as of
 * `estimateAnchor`.
 */
export function arrivalAnchor({ arrivedMs, toEdgeS }: QueuedSegment, ptsUs: number, offsetUs = 0): Anchor {
  return { utcOffsetUs: Math.round((arrivedMs - toEdgeS * 1000) * 1000 + offsetUs - ptsUs), clock: 'arrival' };
}

/**
 * The UTC offset of a new run. If timestamps continue and the estimate agrees, the offset stays. After a
 * discontinuity without missing segments and without dates, the run begins at the end of the previous one,
 * because arrival is no more exact than a segment. An estimate that is too early never removes the time of
 * missing segments.
 */
export function anchorRun(
  segment: QueuedSegment,
  ptsUs: number,
  offsetUs: number,
  previous: PreviousRun | undefined,
): Anchor {
  const estimate = estimateAnchor(segment, ptsUs, offsetUs);
  if (!previous) return estimate;
  const dated = estimate.clock === 'source';
  const toleranceUs = dated ? DATED_TOLERANCE_US : (2 * segment.targetDurationS + 1) * 1_000_000;
  const agrees = (utcOffsetUs: number) => Math.abs(utcOffsetUs - estimate.utcOffsetUs) <= toleranceUs;
  const goesBack = previous.utcOffsetUs + ptsUs < previous.endUs - DATED_TOLERANCE_US;
  const isEarly =
    estimate.utcOffsetUs < previous.utcOffsetUs &&
    hasLength(segment, previous.utcOffsetUs + ptsUs - previous.endUs, previous);
  if (previous.sameClock && !goesBack && (agrees(previous.utcOffsetUs) || isEarly))
    return { utcOffsetUs: previous.utcOffsetUs, clock: previous.clock };
  const seamless = previous.endUs - ptsUs;
  if (!dated && previous.contiguous && agrees(seamless)) return { utcOffsetUs: seamless, clock: 'arrival' };
  if (previous.missing === 0) return estimate;
  const leastUs = seamless + Math.round(previous.missing * segment.durationS * 1_000_000);
  return { utcOffsetUs: Math.max(estimate.utcOffsetUs, leastUs), clock: estimate.clock };
}

/**
 * Whether a gap in the timestamps, µs, is at most as long as the missing segments, so that the timestamps did
 * not jump.
 */
function hasLength({ targetDurationS }: QueuedSegment, holeUs: number, { missing }: PreviousRun): boolean {
  return holeUs <= missing * (targetDurationS + 0.5) * 1_000_000 + DATED_TOLERANCE_US;
}

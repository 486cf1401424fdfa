/**
 * Fixes the constant UTC offset of a run: where in UTC its timestamps lie.
 * In: a segment's date, its place in its list, and the run before. Out: the UTC offset and whose clock it is. Pure. docs/media.md 1 and 2.
 */
import type { RunClock } from '../../../media/run.ts';
import type { QueuedSegment } from '../segment/queued-segment.ts';

/** The source's date is believed when the live edge it implies is at most this far from now. */
const MAX_SOURCE_ERROR_MS = 60_000;
/** Holes in a list that dates may tell of; what lies further back was dated by a clock that was not set. */
const MAX_HOLES_MS = 86_400_000;
/** A dated estimate and the run before agree within this. */
export const DATED_TOLERANCE_US = 500_000;

/** The UTC offset of a run. */
export interface Anchor {
  /** µs since 1970 at pts 0. */
  readonly utcOffsetUs: number;
  readonly clock: RunClock;
}

/** The run before, as far as it matters. */
export interface PreviousRun extends Anchor {
  /** Where its media ends, µs since 1970. */
  readonly endUs: number;
  /** Timestamps go on in the same clock: no discontinuity since. */
  readonly sameClock: boolean;
  /** No segment is missing in between. */
  readonly contiguous: boolean;
  /** How many segments are missing in between, where the source's numbers tell. */
  readonly missing: number;
}

/**
 * Whether the segment has a date that can be believed: its list's edge lies near now by its own dates, and it does not lie after that.
 * In between there may be holes, of which durations know nothing.
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
 * The UTC offset as the segment tells it: from its date, else from the edge of the playlist it was first seen in.
 *
 * @param ptsUs pts of the first frame, µs
 * @param offsetUs how far into the segment that frame is, µs
 */
export function estimateAnchor(segment: QueuedSegment, ptsUs: number, offsetUs = 0): Anchor {
  if (!hasTrueDate(segment)) return arrivalAnchor(segment, ptsUs, offsetUs);
  return { utcOffsetUs: Math.round(segment.programDateTimeMs! * 1000 + offsetUs - ptsUs), clock: 'source' };
}

/** The UTC offset from the edge of the playlist that the segment was first seen in; parameters as of `estimateAnchor`. */
export function arrivalAnchor({ arrivedMs, toEdgeS }: QueuedSegment, ptsUs: number, offsetUs = 0): Anchor {
  return { utcOffsetUs: Math.round((arrivedMs - toEdgeS * 1000) * 1000 + offsetUs - ptsUs), clock: 'arrival' };
}

/**
 * The UTC offset of a new run. Where the timestamps go on and the estimate agrees, the UTC offset stays as it was; where a discontinuity joins without a hole
 * and only arrival tells the time, the run begins where the last one ended: the edge of a playlist is known no better than a segment.
 * An estimate that is too early for what came before never takes the time of missing segments away.
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

/** Whether a hole in the timestamps is no longer than the segments that are missing can be, so that they did not jump; µs. */
function hasLength({ targetDurationS }: QueuedSegment, holeUs: number, { missing }: PreviousRun): boolean {
  return holeUs <= missing * (targetDurationS + 0.5) * 1_000_000 + DATED_TOLERANCE_US;
}

/**
 * Chooses the first segment to pull: near the edge or at the requested distance from it, but not before the
 * end of the stream's media.
 * In: the segments of the first playlist. Out: an index. Pure. RFC 8216bis 6.3.3.
 */
import { hasTrueDate } from '../run/run-anchor.ts';
import type { QueuedSegment } from '../segment/queued-segment.ts';

/** Segments that are pulled from a live playlist at the start. */
export const FROM_EDGE = 3;
/**
 * More are pulled if the playlist still has media that the stream missed, up to this distance from the edge.
 */
const MISSED_UP_TO_MS = 60_000;
/** Dates are rounded, and durations too. */
const DATE_SLACK_MS = 40;

/** Options of the start. */
export interface QueueStart {
  /** End of the media that the stream has, ms since 1970. */
  readonly hadUntilMs?: number | undefined;
  /** Requested distance from the live edge, ms; 0 is near the edge. */
  readonly fromMs?: number | undefined;
  /** The source was live before: an ended playlist is the rest of that broadcast, not VOD. */
  readonly wasLive?: boolean | undefined;
}

/**
 * Index of the first segment to pull. VOD (an ended playlist) is pulled from its beginning. Of the rest of a
 * live source only segments are pulled whose dates show that the stream lacks them.
 */
export function firstWanted(
  segments: readonly QueuedSegment[],
  { hadUntilMs, fromMs = 0, wasLive = false }: QueueStart,
): number {
  if (segments[0]?.ended) return wasLive ? (firstMissed(segments, hadUntilMs) ?? segments.length) : 0;
  const nearEdge = Math.max(0, segments.length - FROM_EDGE);
  if (fromMs > 0) {
    const far = segments.findIndex(({ toEdgeS }) => toEdgeS * 1000 <= fromMs + DATE_SLACK_MS);
    const fresh =
      hadUntilMs === undefined ? 0 : segments.findIndex((segment) => endMsOf(segment) > hadUntilMs + DATE_SLACK_MS);
    const start = Math.max(far < 0 ? nearEdge : Math.min(far, nearEdge), fresh);
    return fresh < 0 ? segments.length - 1 : start;
  }
  if (hadUntilMs === undefined) return nearEdge;
  return Math.min(nearEdge, firstMissed(segments, hadUntilMs) ?? nearEdge);
}

/** The first segment of the last minute whose date is after the end of the stream's media. */
function firstMissed(segments: readonly QueuedSegment[], hadUntilMs: number | undefined): number | undefined {
  if (hadUntilMs === undefined) return undefined;
  const missed = segments.findIndex((segment) => {
    if (1000 * segment.toEdgeS > MISSED_UP_TO_MS || !hasTrueDate(segment)) return false;
    return endMsOf(segment) > hadUntilMs + DATE_SLACK_MS;
  });
  return missed < 0 ? undefined : missed;
}

/**
 * Whether a segment is in the past: its playlist has ended, or it is further from the edge than the start of
 * a live playlist. Past segments wait for the disk; live ones do not.
 */
export function isPast({ ended, toEdgeS, targetDurationS }: QueuedSegment): boolean {
  return ended || toEdgeS > (FROM_EDGE + 1) * targetDurationS;
}

/** Whether a segment has become past while earlier ones were pulled; `nowMs` since 1970. */
export function hasBecomePast(segment: QueuedSegment, nowMs: number): boolean {
  return isPast({ ...segment, toEdgeS: segment.toEdgeS + (nowMs - segment.arrivedMs) / 1000 });
}

/** End of a segment, ms since 1970: by its date, otherwise by the edge of its playlist. */
function endMsOf(segment: QueuedSegment): number {
  const { programDateTimeMs, durationS, toEdgeS, arrivedMs } = segment;
  const startMs = hasTrueDate(segment) ? programDateTimeMs! : arrivedMs - 1000 * toEdgeS;
  return startMs + 1000 * durationS;
}

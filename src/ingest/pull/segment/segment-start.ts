/**
 * Where a list is begun: near its edge, or as far before it as is wished, and not before what the stream has.
 * In: the segments of the first list. Out: an index. Pure. RFC 8216bis 6.3.3.
 */
import { hasTrueDate } from '../run/run-anchor.ts';
import type { QueuedSegment } from './queued-segment.ts';

/** Segments of a live list that are taken at the start. */
export const FROM_EDGE = 3;
/** More are taken where the list still has what was missed since the stream's last media, up to this long before its edge. */
const MISSED_UP_TO_MS = 60_000;
/** Dates are rounded, and durations too. */
const DATE_SLACK_MS = 40;

/** What decides where a list is begun. */
export interface QueueStart {
  /** End of the media that the stream has, ms since 1970. */
  readonly hadUntilMs?: number | undefined;
  /** How far before the live edge to begin where the list reaches that far, ms; 0 is near the edge. */
  readonly fromMs?: number | undefined;
  /** The source was live before: a list that has ended is what is left of that, not a film. */
  readonly wasLive?: boolean | undefined;
}

/**
 * Index of the first segment to be taken. A film, that is a list that has ended, is taken from its beginning; of what is left of a live source
 * only what its dates show to be missing, for the rest is recorded or was not recorded in time.
 */
export function firstWanted(
  all: readonly QueuedSegment[],
  { hadUntilMs, fromMs = 0, wasLive = false }: QueueStart,
): number {
  if (all[0]?.ended) return wasLive ? (firstMissed(all, hadUntilMs) ?? all.length) : 0;
  const nearEdge = Math.max(0, all.length - FROM_EDGE);
  if (fromMs > 0) {
    const far = all.findIndex(({ toEdgeS }) => toEdgeS * 1000 <= fromMs + DATE_SLACK_MS);
    const fresh =
      hadUntilMs === undefined ? 0 : all.findIndex((segment) => endMsOf(segment) > hadUntilMs + DATE_SLACK_MS);
    const wished = Math.max(far < 0 ? nearEdge : Math.min(far, nearEdge), fresh);
    return fresh < 0 ? all.length - 1 : wished;
  }
  if (hadUntilMs === undefined) return nearEdge;
  return Math.min(nearEdge, firstMissed(all, hadUntilMs) ?? nearEdge);
}

/** The first segment of the last minute whose date says that it comes after what the stream has. */
function firstMissed(all: readonly QueuedSegment[], hadUntilMs: number | undefined): number | undefined {
  if (hadUntilMs === undefined) return undefined;
  const missed = all.findIndex((segment) => {
    if (1000 * segment.toEdgeS > MISSED_UP_TO_MS || !hasTrueDate(segment)) return false;
    return endMsOf(segment) > hadUntilMs + DATE_SLACK_MS;
  });
  return missed < 0 ? undefined : missed;
}

/**
 * Whether nobody waits for a segment: its list has ended, or it lies further before the edge than a live list is begun at. What has time
 * waits for the disk; live media does not.
 */
export function hasTime({ ended, toEdgeS, targetDurationS }: QueuedSegment): boolean {
  return ended || toEdgeS > (FROM_EDGE + 1) * targetDurationS;
}

/** Whether a segment lies so far before the edge by now, because what came before it has taken time; `nowMs` since 1970. */
export function isLate(segment: QueuedSegment, nowMs: number): boolean {
  return hasTime({ ...segment, toEdgeS: segment.toEdgeS + (nowMs - segment.arrivedMs) / 1000 });
}

/** End of a segment in UTC: by its date, else by the edge of its list. */
function endMsOf(segment: QueuedSegment): number {
  const { programDateTimeMs, durationS, toEdgeS, arrivedMs } = segment;
  const startMs = hasTrueDate(segment) ? programDateTimeMs! : arrivedMs - 1000 * toEdgeS;
  return startMs + 1000 * durationS;
}

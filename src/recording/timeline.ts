/**
 * The timeline: every instant of a stream's past is media, a gap with a cause, or offline (docs/media.md 5);
 * or deleted by retention between pinned windows, or on request. In: rows of the index, groups of the open
 * file, and why media is missing now. Out: contiguous pieces.
 */

import type { StreamGap } from '@oxbow/media/segment';
import { HOLE_US } from '../live/continuity.ts';
import type { Stream } from '../live/stream.ts';
import type { ChunkQueries } from './chunks/chunk-queries.ts';
import type { ChunkSpan } from './chunks/chunk-spans.ts';
import type { ErasedRange } from './erase/erasure-table.ts';
import { readHealed, withHealed } from './healed/healed-pieces.ts';
import { type PinnedRange, rangeAt } from './pinned-windows.ts';
import type { RecordingReader } from './recording-reader.ts';
import { retainedPieces } from './retained-pieces.ts';
import type { TimelinePiece } from './timeline-piece.ts';
import { WINDOW_US, windowOf } from './window.ts';

/** Where a run begins, so that players can map an MSN to UTC. */
export interface RunMark {
  readonly run: number;
  readonly firstMsn: number;
  readonly utcOffsetUs: number;
  /** Start of its media on this timeline, µs since 1970. */
  readonly startUs: number;
}

/** A ten-minute window with media. */
interface WindowMark {
  /** µs since 1970. */
  readonly fromUs: number;
  /** Number of groups that start in it. Grows when media is added, never shrinks while the window is kept. */
  readonly groups: number;
  /** Those of them that were found later; absent: none. */
  readonly found?: number;
}

/** A stretch of a stream's past. */
export interface Timeline {
  /** In order; each begins where the previous one ends. */
  readonly pieces: readonly TimelinePiece[];
  readonly runs: readonly RunMark[];
  readonly windows: readonly WindowMark[];
  /** Start of the timeline: creation of the stream, or the oldest retained media. µs since 1970. */
  readonly fromUs: number;
  /** End of the timeline: the end of the recording while media flows, otherwise now. */
  readonly toUs: number;
}

/** The state of the live stream that the timeline needs. */
export interface TimelineEnd {
  /** Creation of the stream, µs since 1970. */
  readonly createdUs: number;
  /** Horizon of retention: before this only pinned windows are kept, µs since 1970. */
  readonly horizonUs: number;
  /** Pinned windows, in order. */
  readonly pinned?: readonly PinnedRange[];
  /** Deleted on request, in order. */
  readonly erased?: readonly ErasedRange[];
  /** StreamGaps from `fromUs`, the end of the recorded media, until now; empty while media flows. */
  gapsSince(fromUs: number): readonly StreamGap[];
}

/** What the timeline reads of the index. */
export type TimelineChunks = Pick<ChunkQueries, 'joinedSpansBetween' | 'firstSpanFrom' | 'spansBetween' | 'runStart'>;

/** What the timeline reads of a live stream. */
interface TimelineStream {
  readonly placement: Pick<Stream['placement'], 'context'>;
  readonly edge: Pick<Stream['edge'], 'gapsSince'>;
}

/**
 * StreamGaps after the end of the recording: groups that the recorder lost, the gap before a run that is not
 * on disk yet, and the current gap.
 *
 * @param lost gaps of the recorder
 * @param fromUs end of the recorded media, µs since 1970
 * @param options.waits published media waits for the disk, so the start of the gap after it is unknown
 */
export function gapsSince(
  lost: readonly StreamGap[],
  stream: TimelineStream,
  fromUs: number,
  { waits = false }: { waits?: boolean } = {},
): StreamGap[] {
  const endUs = lost.at(-1)?.toUs ?? fromUs;
  const before = stream.placement.context?.gaps ?? [];
  // Otherwise there is media in between that waits for the disk.
  const joins = before[0] !== undefined && Math.abs(before[0].fromUs - endUs) < HOLE_US;
  return [...lost, ...(joins ? before : []), ...(waits ? [] : stream.edge.gapsSince(endUs))];
}

/** Detail of the time between imported media and the creation of its stream. */
const NOT_CREATED = 'before the stream was created';

/** A file, a group of the open file, or without segments a deleted range, on the timeline. */
type Stretch = Omit<ChunkSpan, 'absences'> & {
  readonly gaps: readonly (Omit<StreamGap, 'cause'> & { readonly cause: TimelinePiece['kind'] })[];
};

type CountedStretch = Pick<ChunkSpan, 'start_us' | 'segment_count'>;

/** What was deleted on request, as stretches without media. */
function erasedStretches(erased: readonly ErasedRange[], fromUs: number, toUs: number): Stretch[] {
  return erased.flatMap(({ firstMsn, lastMsn, pieces }) =>
    pieces
      .filter((piece) => piece.toUs > fromUs && piece.fromUs < toUs)
      .map(({ kind, ...gap }) => ({
        first_msn: firstMsn,
        last_msn: lastMsn,
        start_us: gap.fromUs,
        end_us: gap.toUs,
        run: -1,
        utc_offset_us: 0,
        segment_count: 0,
        gaps: [{ ...gap, cause: kind }],
      })),
  );
}

/**
 * The timeline of [fromUs, toUs), limited to the lifetime of the stream.
 */
export async function readTimeline(
  recording: RecordingReader,
  chunks: TimelineChunks,
  end: TimelineEnd,
  fromUs: number,
  toUs: number,
): Promise<Timeline> {
  // Whole windows, so that the number of groups of a window does not depend on the range.
  const untilUs = windowOf(toUs - 1) + WINDOW_US;
  const rows = await recording.query(async () => {
    const spans = await chunks.joinedSpansBetween(recording.streamId, windowOf(fromUs), untilUs);
    const next = await chunks.firstSpanFrom(recording.streamId, untilUs);
    return next ? [...spans, next] : spans;
  });
  const stretches: Stretch[] = rows.map(({ absences, ...row }) => ({
    ...row,
    gaps: JSON.parse(absences) as StreamGap[],
  }));
  const lastMsn = rows.at(-1)?.last_msn ?? -1;
  for (const group of recording.open) {
    if (group.msn <= lastMsn) continue;
    stretches.push({
      first_msn: group.msn,
      last_msn: group.msn,
      start_us: group.startUs,
      end_us: group.startUs + group.durationUs,
      run: group.run,
      utc_offset_us: group.utcOffsetUs,
      segment_count: 1,
      gaps: group.gaps,
    });
  }
  if (end.erased && end.erased.length > 0) {
    const lastUs = Math.max(untilUs, stretches.at(-1)?.start_us ?? 0);
    stretches.push(...erasedStretches(end.erased, windowOf(fromUs), lastUs));
    stretches.sort((a, b) => a.start_us - b.start_us);
  }
  const pinned = end.pinned ?? [];
  const isKept = (us: number) => us >= end.horizonUs || rangeAt(pinned, us) !== undefined;
  const kept = stretches.filter(({ start_us, end_us }) => end_us > end.horizonUs || isKept(start_us));
  const retained = retainedPieces(assemble(kept, recording.endUs, end), { ...end, pinned }, fromUs, toUs);
  const found = recording.healed && (await readHealed(recording.healed, chunks, windowOf(fromUs), untilUs));
  const pieces = found ? withHealed(retained, found.spans) : retained;
  return {
    pieces,
    runs: [...runsOf(kept, fromUs, toUs), ...(found ? runsOf(found.stretches, fromUs, toUs) : [])],
    windows: countWindows(kept, fromUs, toUs, found?.stretches).filter((window) => isKept(window.fromUs)),
    fromUs: pieces[0]?.fromUs ?? fromUs,
    toUs: pieces.at(-1)?.toUs ?? fromUs,
  };
}

/** Counts groups by window; a file is in one window. */
function countWindows(
  stretches: readonly CountedStretch[],
  fromUs: number,
  toUs: number,
  found: readonly CountedStretch[] = [],
): WindowMark[] {
  const counts = new Map<number, { groups: number; found: number }>();
  const add = ({ start_us, segment_count }: CountedStretch, ofFound: number) => {
    const window = windowOf(start_us);
    if (segment_count === 0 || window >= toUs || window + WINDOW_US <= fromUs) return;
    const count = counts.get(window) ?? { groups: 0, found: 0 };
    count.groups += segment_count;
    count.found += ofFound;
    counts.set(window, count);
  };
  for (const stretch of stretches) add(stretch, 0);
  for (const stretch of found) add(stretch, stretch.segment_count);
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([from, count]) => {
      const { groups, found: later } = count;
      return { fromUs: from, groups, ...(later > 0 && { found: later }) };
    });
}

function runsOf(stretches: readonly Omit<ChunkSpan, 'absences'>[], fromUs: number, toUs: number): RunMark[] {
  const runs = new Map<number, RunMark>();
  for (const { run, first_msn, utc_offset_us, end_us, start_us } of stretches) {
    if (end_us <= fromUs || start_us >= toUs || runs.has(run) || run < 0) continue;
    runs.set(run, { run, firstMsn: first_msn, utcOffsetUs: utc_offset_us, startUs: start_us });
  }
  return [...runs.values()];
}

/** The pieces from the first stretch to the end. */
function assemble(stretches: readonly Stretch[], recordedEndUs: number, end: TimelineEnd): TimelinePiece[] {
  const pieces: TimelinePiece[] = [];
  const add = (piece: TimelinePiece) => {
    // A short distance between creation and the first piece is closed.
    const joins = pieces.length === 0 && piece.fromUs > end.createdUs && piece.fromUs - end.createdUs < HOLE_US;
    addPiece(pieces, joins ? { ...piece, fromUs: end.createdUs } : piece, end);
  };
  for (const { start_us, end_us, gaps } of stretches) {
    let cursorUs = start_us;
    for (const { fromUs: from, toUs: to, cause, detail } of gaps) {
      if (from > cursorUs) add({ fromUs: cursorUs, toUs: from, kind: 'media', detail: '' });
      add({ fromUs: from, toUs: to, kind: cause, detail });
      cursorUs = Math.max(cursorUs, to);
    }
    if (end_us > cursorUs) add({ fromUs: cursorUs, toUs: end_us, kind: 'media', detail: '' });
  }
  const mediaEndUs = recordedEndUs > 0 ? recordedEndUs : end.createdUs;
  for (const { fromUs: from, toUs: to, cause, detail } of end.gapsSince(mediaEndUs)) {
    add({ fromUs: from, toUs: to, kind: cause, detail });
  }
  return pieces;
}

/**
 * Appends a piece without a distance or overlap to the previous one. An unexplained distance becomes a gap
 * with cause `disk`, `deleted` if it begins before the horizon, or offline as long as there was no stream:
 * media before its creation was imported.
 */
function addPiece(
  pieces: TimelinePiece[],
  piece: TimelinePiece,
  { horizonUs, createdUs }: Pick<TimelineEnd, 'horizonUs' | 'createdUs'>,
): void {
  const last = pieces.at(-1);
  if (!last) {
    if (piece.toUs > piece.fromUs) pieces.push(piece);
    return;
  }
  const seamUs = piece.fromUs - last.toUs;
  if (seamUs >= HOLE_US && last.toUs >= horizonUs && createdUs - last.toUs >= HOLE_US) {
    // The rest of the distance, if there is any, is that to the creation.
    const toUs = Math.min(piece.fromUs, createdUs);
    pieces.push({ fromUs: last.toUs, toUs, kind: 'offline', detail: NOT_CREATED });
    addPiece(pieces, piece, { horizonUs, createdUs });
    return;
  }
  if (seamUs >= HOLE_US) {
    const span = { fromUs: last.toUs, toUs: piece.fromUs };
    if (last.toUs < horizonUs) pieces.push({ ...span, kind: 'deleted', detail: '' });
    else pieces.push({ ...span, kind: 'disk', detail: 'not in the index' });
  } else if (seamUs !== 0) {
    // Distances below half a second are closed by the previous piece.
    pieces[pieces.length - 1] = { ...last, toUs: Math.max(last.fromUs, last.toUs + Math.max(0, seamUs)) };
  }
  const fromUs = Math.max(piece.fromUs, pieces.at(-1)!.toUs);
  if (piece.toUs <= fromUs) return;
  const before = pieces.at(-1)!;
  if (before.kind === piece.kind && before.detail === piece.detail) {
    pieces[pieces.length - 1] = { ...before, toUs: piece.toUs };
  } else {
    pieces.push({ ...piece, fromUs });
  }
}

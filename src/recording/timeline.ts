/**
 * The timeline: every instant of a stream's past as media, a gap with its cause, or offline (docs/media.md 5); and what retention took
 * around what is pinned. In: rows of the index, groups of the open file, and why media is missing now. Out: pieces without seams or
 * overlap.
 */

import { HOLE_US } from '../live/continuity.ts';
import type { Stream } from '../live/stream.ts';
import type { StreamGap } from '../media/segment.ts';
import type { ChunkSpan, ChunkTable } from './chunk-table.ts';
import { type PinnedRange, rangeAt } from './pinned-windows.ts';
import type { RecordingReader } from './recording-reader.ts';
import { retainedPieces } from './retained-pieces.ts';
import type { TimelinePiece } from './timeline-piece.ts';
import { WINDOW_US, windowOf } from './window.ts';

/** Where a run begins, so that players can tell UTC by MSN. */
export interface RunMark {
  readonly run: number;
  readonly firstMsn: number;
  readonly utcOffsetUs: number;
  /** Where its media begins on this timeline, µs since 1970. */
  readonly startUs: number;
}

/** A ten-minute window that holds media. */
export interface WindowMark {
  /** µs since 1970. */
  readonly fromUs: number;
  /** Groups that start in it: rises when something is filled in, never falls while the window is kept. */
  readonly groups: number;
}

/** A stretch of a stream's past. */
export interface Timeline {
  /** In order, without seams: each begins where the one before ended. */
  readonly pieces: readonly TimelinePiece[];
  readonly runs: readonly RunMark[];
  readonly windows: readonly WindowMark[];
  /** Start of what is known: the stream's creation, or what retention left. µs since 1970. */
  readonly fromUs: number;
  /** End of what is known: the recorded edge while media flows, else now. */
  readonly toUs: number;
}

/** What the live side knows of the end of the timeline. */
export interface TimelineEnd {
  /** When the stream was made, µs since 1970. */
  readonly createdUs: number;
  /** Nothing before this is kept but what is pinned, µs since 1970. */
  readonly horizonUs: number;
  /** Windows that are kept whatever their age, in order. */
  readonly pinned?: readonly PinnedRange[];
  /** What is missing from `fromUs`, the end of the recorded media, until now; empty while media flows. */
  gapsSince(fromUs: number): readonly StreamGap[];
}

/**
 * What is missing behind the recorded edge: what was lost on the way to the disk, the hole before a run of which nothing is on the
 * disk yet, and what is missing now.
 *
 * @param lost the recorder's
 * @param fromUs end of the recorded media, µs since 1970
 * @param options.waits media was published that waits for the disk: where the hole behind it begins is not known yet
 */
export function gapsSince(
  lost: readonly StreamGap[],
  stream: Pick<Stream, 'context' | 'gapsSince'>,
  fromUs: number,
  { waits = false }: { waits?: boolean } = {},
): StreamGap[] {
  const endUs = lost.at(-1)?.toUs ?? fromUs;
  const before = stream.context?.gaps ?? [];
  // Otherwise media lies between, which waits for the disk.
  const joins = before[0] !== undefined && Math.abs(before[0].fromUs - endUs) < HOLE_US;
  return [...lost, ...(joins ? before : []), ...(waits ? [] : stream.gapsSince(endUs))];
}

/** What a file on the timeline is made of. */
type Stretch = Omit<ChunkSpan, 'absences'> & { readonly gaps: readonly StreamGap[] };

/**
 * The timeline of [fromUs, toUs), cut to what is known.
 */
export async function readTimeline(
  recording: RecordingReader,
  table: Pick<ChunkTable, 'joinedSpansBetween' | 'firstSpanFrom'>,
  end: TimelineEnd,
  fromUs: number,
  toUs: number,
): Promise<Timeline> {
  // Whole windows: how many groups one holds does not depend on who asks.
  const untilUs = windowOf(toUs - 1) + WINDOW_US;
  const rows = await recording.ask(async () => {
    const spans = await table.joinedSpansBetween(recording.streamId, windowOf(fromUs), untilUs);
    const next = await table.firstSpanFrom(recording.streamId, untilUs);
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
  const pinned = end.pinned ?? [];
  const isKept = (us: number) => us >= end.horizonUs || rangeAt(pinned, us) !== undefined;
  const kept = stretches.filter(({ start_us, end_us }) => end_us > end.horizonUs || isKept(start_us));
  const pieces = retainedPieces(assemble(kept, recording.endUs, end), { ...end, pinned }, fromUs, toUs);
  return {
    pieces,
    runs: runsOf(kept, fromUs, toUs),
    windows: countWindows(kept, fromUs, toUs).filter((window) => isKept(window.fromUs)),
    fromUs: pieces[0]?.fromUs ?? fromUs,
    toUs: pieces.at(-1)?.toUs ?? fromUs,
  };
}

/** A file lies in one window. */
function countWindows(stretches: readonly Stretch[], fromUs: number, toUs: number): WindowMark[] {
  const counts = new Map<number, number>();
  for (const { start_us, segment_count } of stretches) {
    const window = windowOf(start_us);
    if (window < toUs && window + WINDOW_US > fromUs) counts.set(window, (counts.get(window) ?? 0) + segment_count);
  }
  return [...counts].map(([from, groups]) => ({ fromUs: from, groups }));
}

function runsOf(stretches: readonly Stretch[], fromUs: number, toUs: number): RunMark[] {
  const runs = new Map<number, RunMark>();
  for (const { run, first_msn, utc_offset_us, end_us, start_us } of stretches) {
    if (end_us <= fromUs || start_us >= toUs || runs.has(run)) continue;
    runs.set(run, { run, firstMsn: first_msn, utcOffsetUs: utc_offset_us, startUs: start_us });
  }
  return [...runs.values()];
}

/** Everything between the first stretch and the end, piece by piece. */
function assemble(stretches: readonly Stretch[], recordedEndUs: number, end: TimelineEnd): TimelinePiece[] {
  const pieces: TimelinePiece[] = [];
  const add = (piece: TimelinePiece) => {
    // The first instants belong to the first piece, as every seam does.
    const joins = pieces.length === 0 && piece.fromUs > end.createdUs && piece.fromUs - end.createdUs < HOLE_US;
    addPiece(pieces, joins ? { ...piece, fromUs: end.createdUs } : piece, end.horizonUs);
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
 * Appends a piece so that no seam and no overlap is left; what nobody explains was lost from the disk, or taken by retention if it
 * begins before the horizon.
 */
function addPiece(pieces: TimelinePiece[], piece: TimelinePiece, horizonUs: number): void {
  const last = pieces.at(-1);
  if (!last) {
    if (piece.toUs > piece.fromUs) pieces.push(piece);
    return;
  }
  const seamUs = piece.fromUs - last.toUs;
  if (seamUs >= HOLE_US) {
    const span = { fromUs: last.toUs, toUs: piece.fromUs };
    if (last.toUs < horizonUs) pieces.push({ ...span, kind: 'deleted', detail: '' });
    else pieces.push({ ...span, kind: 'disk', detail: 'not in the index' });
  } else if (seamUs !== 0) {
    // Runs meet within half a second: the seam belongs to what came before.
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

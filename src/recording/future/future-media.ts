/**
 * Moves media that an earlier version filed in the future to where it was recorded: its publisher's
 * timestamps had jumped ahead, and the jump is a gap before it. The files are written again with earlier
 * times, and leave the index, so that recovery adds them.
 * In: the index and the files of a stream, the last saved state. Out: the moved media. docs/media.md 2.
 */

import { type CommittedGroup, damagedFlag, independentFlag } from '@oxbow/media/isobmff/commit-box';
import type { Init, SegmentGroup, StreamGap } from '@oxbow/media/segment';
import { scanChunk } from '../../archive/chunk-reader.ts';
import { openChunkWriter } from '../../archive/chunk-writer.ts';
import { chunkLocation, storyboardLocation } from '../../archive/recording-locations.ts';
import {
  type Abortable,
  type SegmentLocation,
  type SegmentStore,
  segmentLocation,
} from '../../archive/segment-store.ts';
import type { ChunkQueries } from '../chunks/chunk-queries.ts';
import type { ChunkSpan } from '../chunks/chunk-spans.ts';
import type { ChunkTable } from '../chunks/chunk-table.ts';
import { WINDOW_US, windowOf } from '../window.ts';

/** Media further ahead of the clock that it was recorded by than this is in the future, µs. */
const AHEAD_US = 5_000_000;
/** The jump is in the files of this long before, µs: 40 days. */
const BACK_US = 40 * 86_400_000_000;
const JUMP = /^the source jumped ahead by /;

/** What was in the future. */
interface FutureMedia {
  /** By how much the newest media was moved back, µs. */
  readonly byUs: number;
  /** Where it was, µs since 1970. */
  readonly fromUs: number;
  readonly toUs: number;
  readonly files: number;
}

/** Where it is looked for. */
interface FutureMediaOptions {
  readonly segments: SegmentStore;
  readonly table: Pick<ChunkTable, 'qualitiesOf' | 'remove'>;
  readonly chunks: Pick<ChunkQueries, 'holding' | 'runStart' | 'spansBetween'>;
  readonly streamId: string;
  /**
   * When the last process saved the state of the stream, by its clock, and whether it ended in order; µs
   * since 1970.
   */
  readonly saved: { readonly atUs: number; readonly clean: boolean };
}

/** A file and what is moved before it. */
interface MovedFile {
  readonly span: ChunkSpan;
  readonly shiftUs: number;
}

/**
 * Moves the media of a stream that is in the future. Recovery has to follow. Interrupted, it is repeated at
 * the next start.
 *
 * @returns undefined if there is none, or none that a jump explains: nothing is changed
 */
export async function moveFutureMedia(
  options: FutureMediaOptions,
  { signal }: Abortable = {},
): Promise<FutureMedia | undefined> {
  const { table, chunks, streamId, segments } = options;
  const aheadUs = await findAhead(options);
  if (aheadUs <= AHEAD_US) return undefined;
  const spans = await chunks.spansBetween(streamId, options.saved.atUs - BACK_US, Number.MAX_SAFE_INTEGER);
  const files = planMoves(spans, aheadUs);
  const [first, last] = [files[0], files.at(-1)];
  if (!first || !last) return undefined;
  const shiftAt = (msn: number) => files.findLast(({ span }) => span.first_msn <= msn)?.shiftUs ?? 0;
  const fileOf = (msn: number) => files.findLast(({ span }) => span.first_msn <= msn)?.span;
  for (const id of await table.qualitiesOf(streamId)) {
    const later = await chunks.spansBetween(id, first.span.start_us, Number.MAX_SAFE_INTEGER);
    // What an interrupted move has moved has another UTC offset already.
    const left = later.filter((span) => span.utc_offset_us === fileOf(span.first_msn)?.utc_offset_us);
    await moveFiles(options, id, left.map(toFirst), shiftAt, signal);
  }
  const firstMsns = files.map(({ span }) => span.first_msn);
  await moveFiles(options, streamId, firstMsns, shiftAt, signal);
  // Their pictures would be shown when the clock is there.
  for (let us = windowOf(first.span.start_us); us < last.span.end_us; us += WINDOW_US)
    await segments.delete(storyboardLocation(streamId, us / 1000), { signal }).catch(() => undefined);
  const [fromUs, toUs] = [first.span.start_us, last.span.end_us];
  return { byUs: last.shiftUs, fromUs, toUs, files: files.length };
}

const toFirst = ({ first_msn }: ChunkSpan): number => first_msn;

/** How far the media was ahead of the clock of the process that recorded it, µs. */
async function findAhead({ chunks, streamId, saved }: FutureMediaOptions): Promise<number> {
  const after = await chunks.spansBetween(streamId, saved.atUs, Number.MAX_SAFE_INTEGER);
  const last = after.at(-1);
  const row = last && (await chunks.holding(streamId, last.first_msn));
  if (row?.run_clock !== 'arrival') return 0;
  // The state is saved when a run begins, and at the end.
  const runUs = (await chunks.runStart(streamId, row.run)) ?? row.start_us;
  return (saved.clean ? row.end_us : runUs) - saved.atUs;
}

/** The files after the jumps that explain this much, with how far each is moved; none if no jumps do. */
function planMoves(spans: readonly ChunkSpan[], aheadUs: number): MovedFile[] {
  const jumps = spans
    .flatMap(({ first_msn, absences }) => jumpsOf(absences).map((us) => ({ msn: first_msn, us })))
    .sort((a, b) => b.us - a.us);
  let leftUs = aheadUs;
  const chosen = new Map<number, number>();
  for (const { msn, us } of jumps) {
    if (leftUs <= AHEAD_US) break;
    chosen.set(msn, (chosen.get(msn) ?? 0) + us);
    leftUs -= us;
  }
  if (leftUs > AHEAD_US) return [];
  let shiftUs = 0;
  return spans.flatMap((span) => {
    shiftUs += chosen.get(span.first_msn) ?? 0;
    return shiftUs > 0 ? [{ span, shiftUs }] : [];
  });
}

const isJump = ({ cause, detail, fromUs, toUs }: StreamGap) =>
  cause === 'source-skipped' && JUMP.test(detail) && toUs - fromUs > AHEAD_US;

function jumpsOf(absences: string): number[] {
  return (JSON.parse(absences) as StreamGap[]).filter(isJump).map(({ fromUs, toUs }) => toUs - fromUs);
}

/**
 * Writes files again with earlier times. Until the rows are removed, the new files are copies that recovery
 * passes over; then it takes the later one of two. The newest are deleted first: the gap that explains the
 * others stays to the end.
 */
async function moveFiles(
  { segments, table, chunks }: FutureMediaOptions,
  recordingId: string,
  firstMsns: readonly number[],
  shiftAt: (msn: number) => number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const old: SegmentLocation[] = [];
  const made: SegmentLocation[] = [];
  try {
    for (const msn of firstMsns) {
      const row = await chunks.holding(recordingId, msn);
      if (!row) continue;
      const location = segmentLocation(row.path);
      made.push(await writeMoved(segments, recordingId, location, shiftAt, signal));
      old.push(location);
    }
  } catch (error) {
    for (const location of made) await segments.delete(location).catch(() => undefined);
    throw error;
  }
  await table.remove(recordingId, firstMsns);
  for (const location of old.toReversed()) await segments.delete(location, { signal });
}

/**
 * Writes a file again with earlier times. It may have a ten-minute mark within it, which no other file has.
 */
async function writeMoved(
  segments: SegmentStore,
  recordingId: string,
  from: SegmentLocation,
  shiftAt: (msn: number) => number,
  signal: AbortSignal | undefined,
): Promise<SegmentLocation> {
  const { groups, head, tracks } = await scanChunk(segments, from, { signal });
  const { streamId, rendition, previousMsn } = head;
  const init: Init = { number: head.initNumber, hash: head.initHash, tracks };
  const { msn, startUs } = groups[0]!;
  const utcMs = Math.floor((startUs - shiftAt(msn)) / 1000);
  // What an interrupted move left.
  await segments.delete(chunkLocation(recordingId, utcMs, msn), { signal }).catch(() => undefined);
  const name = { utcMs, msn, streamId, folder: recordingId, rendition, previousMsn };
  const writer = await openChunkWriter({ store: segments, ...name, init, sync: 'chunk' });
  try {
    for (const group of groups) {
      signal?.throwIfAborted();
      await writer.append(await movedGroup(segments, from, group, shiftAt, init));
    }
    await writer.seal();
  } catch (error) {
    await writer.abandon();
    await segments.delete(writer.location).catch(() => undefined);
    throw error;
  }
  return writer.location;
}

async function movedGroup(
  segments: SegmentStore,
  location: SegmentLocation,
  group: CommittedGroup,
  shiftAt: (msn: number) => number,
  init: Init,
): Promise<SegmentGroup> {
  const { msn, run, utcOffsetUs, clock, startUs, durationUs, discontinuity, discontinuitySequence } = group;
  const tracks = await Promise.all(
    group.tracks.map(async ({ offset, length, flags, ...track }) => ({
      ...track,
      bytes: await segments.read(location, { offset, length }),
      independent: (flags & independentFlag) !== 0,
      damaged: (flags & damagedFlag) !== 0,
    })),
  );
  const shiftUs = shiftAt(msn);
  const gaps = movedGaps(group.gaps, shiftAt(msn - 1), shiftUs);
  return {
    msn,
    run: { id: run, utcOffsetUs: utcOffsetUs - shiftUs, clock },
    startUs: startUs - shiftUs,
    durationUs,
    discontinuity,
    discontinuitySequence,
    tracks,
    gaps,
    init,
  };
}

/** The gaps before a group; the jumps that are taken out are none any more. */
function movedGaps(gaps: readonly StreamGap[], beforeUs: number, shiftUs: number): StreamGap[] {
  let byUs = beforeUs;
  const moved: StreamGap[] = [];
  for (const gap of gaps) {
    if (byUs < shiftUs && isJump(gap)) byUs += gap.toUs - gap.fromUs;
    else moved.push({ ...gap, fromUs: gap.fromUs - byUs, toUs: gap.toUs - byUs });
  }
  return moved;
}

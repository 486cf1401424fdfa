/**
 * How damaged media is in the index: its groups are left out of the row of their file, and their time is a
 * gap with cause `damaged`. So every reader of the index leaves them out, and a rebuild or the intact file
 * brings them back.
 * In: a row, the check of its file. Out: the row with the intact groups. Pure. docs/decisions/0063.
 */

import type { CommittedGroup } from '@oxbow/media/isobmff/commit-box';
import type { StreamGap } from '@oxbow/media/segment';
import type { CheckedChunk, ExpectedChunk } from '../../archive/integrity/check-chunk.ts';
import { copyGroup, packSegments, SegmentWalker } from '../../archive/segment-index.ts';
import { segmentLocation } from '../../archive/segment-store.ts';
import type { ChunkRow } from '../../recording/chunks/chunk-table.ts';
import type { VerifiedFiles } from './verified-files.ts';

/** The columns of the intact content of a file. */
type ChunkContent = Pick<ChunkRow, 'size' | 'segment_count' | 'absences' | 'incomplete' | 'segments'>;

/** The groups that a row has. */
function groupsOf({ segments }: Pick<ChunkRow, 'segments'>): CommittedGroup[] {
  const groups: CommittedGroup[] = [];
  const walker = new SegmentWalker(segments);
  while (walker.next()) groups.push(copyGroup(walker.group));
  return groups;
}

/** The content that a row expects of its file. */
export function expectedOf(row: Pick<ChunkRow, 'path' | 'size' | 'segments'>): ExpectedChunk {
  return { location: segmentLocation(row.path), size: row.size, groups: groupsOf(row) };
}

/** The same of a file of a recording, which other rows may have too. */
export function expectedOfChunk(row: ChunkRow, files: Pick<VerifiedFiles, 'otherRows'>): ExpectedChunk {
  const others = async () => new Set((await files.otherRows(row)).flatMap(groupsOf).map(({ msn }) => msn));
  return { ...expectedOf(row), ...(isFurther(row) && { size: undefined }), others };
}

/** Whether the size of the file is in another row: the first one of a file with a deleted range has it. */
function isFurther({ size, segment_count }: Pick<ChunkRow, 'size' | 'segment_count'>): boolean {
  return size === 0 && segment_count > 0;
}

/** Whether the file of a row is known to be lost: `doctor --repair` has moved it away, or did not find it. */
export function isGivenUp({ size, segment_count }: Pick<ChunkRow, 'size' | 'segment_count'>): boolean {
  return size === 0 && segment_count === 0;
}

/** Whether a file has all that is known of it. */
export function isWhole({ state }: CheckedChunk): boolean {
  return state === 'intact' || state === 'stale';
}

/** Whether a row says that already. */
export function hasContent(row: ChunkRow, content: ChunkContent): boolean {
  const { size, absences, segments } = content;
  return row.size === size && row.absences === absences && Buffer.compare(row.segments, segments) === 0;
}

/**
 * The content of the row of a checked file.
 *
 * @param size of the file, bytes; 0 for a file that is given up
 */
export function contentAfter(
  row: ChunkRow,
  checked: CheckedChunk,
  size: number = sizeAfter(row, checked),
): ChunkContent {
  const { groups, damaged } = checked;
  const intact = groups.filter(({ msn }) => !damaged.has(msn));
  const gaps = gapsAfter(row, groups, damaged);
  return {
    size,
    segment_count: intact.length,
    absences: JSON.stringify(gaps),
    incomplete: gaps.length > 0 ? 1 : 0,
    segments: packSegments(intact),
  };
}

/** That of a damaged file stays: it is compared again. */
function sizeAfter(row: ChunkRow, { state, length }: CheckedChunk): number {
  return state === 'stale' && !isFurther(row) ? length : row.size;
}

/** The gaps of the row, with those of damaged groups, which replace earlier ones. */
function gapsAfter(
  row: Pick<ChunkRow, 'absences'>,
  groups: readonly CommittedGroup[],
  damaged: ReadonlySet<number>,
): StreamGap[] {
  const before = JSON.parse(row.absences) as StreamGap[];
  const isKnown = ({ fromUs, toUs }: StreamGap) =>
    groups.some(
      ({ startUs, durationUs }) => startUs <= (fromUs + toUs) / 2 && startUs + durationUs > (fromUs + toUs) / 2,
    );
  const kept = before.filter((gap) => gap.cause !== 'damaged' || !isKnown(gap));
  const lost = groups.filter(({ msn }) => damaged.has(msn)).map(gapOf);
  return [...kept, ...lost].sort((a, b) => a.fromUs - b.fromUs);
}

/** The gap of a damaged group. */
export function gapOf({ startUs, durationUs }: Pick<CommittedGroup, 'startUs' | 'durationUs'>): StreamGap {
  return { fromUs: startUs, toUs: startUs + durationUs, cause: 'damaged', detail: 'the file is damaged' };
}

/**
 * Builds the index row of a chunk file.
 * In: the committed groups of the file. Out: a row for chunk-table.
 */
import { packSegments } from '../../archive/segment-index.ts';
import type { SegmentLocation } from '../../archive/segment-store.ts';
import type { RecordedGroup } from '../recording-reader.ts';
import type { ChunkRow } from './chunk-table.ts';

/**
 * @param size of the file, bytes
 * @param groups at least one, oldest first, all of one run and one codec configuration
 */
export function chunkRow(
  streamId: string,
  location: SegmentLocation,
  size: number,
  groups: readonly RecordedGroup[],
): ChunkRow {
  const gaps = groups.flatMap((group) => group.gaps);
  const first = groups[0]!;
  const last = groups.at(-1)!;
  return {
    stream_id: streamId,
    first_msn: first.msn,
    last_msn: last.msn,
    start_us: first.startUs,
    end_us: last.startUs + last.durationUs,
    path: location,
    size,
    run: first.run,
    utc_offset_us: first.utcOffsetUs,
    run_clock: first.clock,
    init_number: first.initNumber,
    discontinuity_sequence: first.discontinuitySequence,
    segment_count: groups.length,
    absences: JSON.stringify(gaps),
    incomplete: gaps.length > 0 ? 1 : 0,
    segments: packSegments(groups),
  };
}

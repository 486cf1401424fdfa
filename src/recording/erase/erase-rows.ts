/**
 * Takes groups of segments out of the index: from then on no reader finds them. A file that keeps others has
 * a row for each stretch of them.
 * In: MSNs, in a transaction. Out: the files that the groups are in.
 */
import type { Kysely } from 'kysely';
import { copyGroup, SegmentWalker } from '../../archive/segment-index.ts';
import { type SegmentLocation, segmentLocation } from '../../archive/segment-store.ts';
import type { Tables } from '../../store/schema.ts';
import { chunkRow } from '../chunks/chunk-row.ts';
import type { RecordedGroup } from '../recording-reader.ts';

/** MSNs from `firstMsn` to `lastMsn`. */
export interface MsnRange {
  readonly firstMsn: number;
  readonly lastMsn: number;
}

/** A file of which groups are deleted. */
export interface ErasedFile {
  readonly location: SegmentLocation;
  /** Bytes of their media. */
  readonly bytes: number;
  /** The deleted groups, oldest first. */
  readonly groups: readonly RecordedGroup[];
}

/** The stretches of groups that deleted ranges leave of a file, oldest first. */
export function stretchesOf<G extends { readonly msn: number }>(
  groups: readonly G[],
  erased: readonly MsnRange[],
): readonly (readonly G[])[] {
  const stretches: G[][] = [];
  let before: G | undefined;
  for (const group of groups) {
    if (erased.some(({ firstMsn, lastMsn }) => group.msn >= firstMsn && group.msn <= lastMsn)) continue;
    const isCut = before && erased.some(({ firstMsn, lastMsn }) => firstMsn > before!.msn && lastMsn < group.msn);
    if (!before || isCut) stretches.push([]);
    stretches.at(-1)!.push(group);
    before = group;
  }
  return stretches;
}

/** Removes the groups of a recording. Reads only, with `isDry`. */
export async function eraseRows(
  db: Kysely<Tables>,
  recordingId: string,
  range: MsnRange,
  { isDry = false }: { readonly isDry?: boolean } = {},
): Promise<ErasedFile[]> {
  const { firstMsn, lastMsn } = range;
  const rows = await db
    .selectFrom('chunk_file')
    .selectAll()
    .where('stream_id', '=', recordingId)
    .where('first_msn', '<=', lastMsn)
    .where('last_msn', '>=', firstMsn)
    .orderBy('first_msn')
    .execute();
  const files: ErasedFile[] = [];
  for (const row of rows) {
    const location = segmentLocation(row.path);
    const groups = groupsOf(row.segments, { location, initNumber: row.init_number });
    const gone = groups.filter(({ msn }) => msn >= firstMsn && msn <= lastMsn);
    if (gone.length === 0) continue;
    files.push({ location, bytes: gone.reduce((sum, group) => sum + bytesOf(group), 0), groups: gone });
    if (isDry) continue;
    const key = { stream_id: recordingId, first_msn: row.first_msn };
    await db
      .deleteFrom('chunk_file')
      .where('stream_id', '=', recordingId)
      .where('first_msn', '=', row.first_msn)
      .execute();
    for (const [i, stretch] of stretchesOf(groups, [range]).entries()) {
      // The size of the file is counted once.
      await db
        .insertInto('chunk_file')
        .values(chunkRow(recordingId, location, i === 0 ? row.size : 0, stretch))
        .execute();
      const first = stretch[0]!.msn;
      if (first === key.first_msn) continue;
      await db
        .updateTable('date_range')
        .set({ file_msn: first })
        .where('stream_id', '=', recordingId)
        .where('file_msn', '=', key.first_msn)
        .where('msn', '>=', first)
        .execute();
    }
  }
  if (!isDry)
    await db
      .deleteFrom('date_range')
      .where('stream_id', '=', recordingId)
      .where('msn', '>=', firstMsn)
      .where('msn', '<=', lastMsn)
      .execute();
  return files;
}

function groupsOf(segments: Uint8Array, place: Pick<RecordedGroup, 'location' | 'initNumber'>): RecordedGroup[] {
  const walker = new SegmentWalker(segments);
  const groups: RecordedGroup[] = [];
  while (walker.next()) groups.push({ ...copyGroup(walker.group), ...place });
  return groups;
}

function bytesOf({ tracks }: RecordedGroup): number {
  return tracks.reduce((sum, { length }) => sum + length, 0);
}

/**
 * Writes the size of a file that was written again into its first row; the size of a file is counted once.
 */
export async function resizeFile(db: Kysely<Tables>, recordingId: string, path: string, size: number): Promise<void> {
  const first = await db
    .selectFrom('chunk_file')
    .select((eb) => eb.fn.min('first_msn').as('msn'))
    .where('stream_id', '=', recordingId)
    .where('path', '=', path)
    .executeTakeFirst();
  if (first?.msn == null) return;
  await db
    .updateTable('chunk_file')
    .set((eb) => ({ size: eb.case().when('first_msn', '=', first.msn).then(size).else(0).end() }))
    .where('stream_id', '=', recordingId)
    .where('path', '=', path)
    .execute();
}

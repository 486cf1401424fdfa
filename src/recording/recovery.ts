/**
 * Recovers recordings after a crash: seals open files and adds files that are missing in the index.
 * In: the recordings folder of a stream. Out: rows for chunk-table (docs/media.md 22).
 */

import { FormatError } from '@oxbow/media/errors';
import { scanChunk } from '../archive/chunk-reader.ts';
import { recoverChunk } from '../archive/chunk-recovery.ts';
import { eraseGroups } from '../archive/erase-groups.ts';
import { listChunks, listQualityRecordings } from '../archive/recording-locations.ts';
import { isMissing, type SegmentLocation, type SegmentStore } from '../archive/segment-store.ts';
import type { ChunkQueries } from './chunks/chunk-queries.ts';
import { chunkRow } from './chunks/chunk-row.ts';
import type { ChunkTable } from './chunks/chunk-table.ts';
import { rebuildDateRanges } from './date-range-rebuild.ts';
import { REMEMBERED_DATE_RANGES } from './date-range-rows.ts';
import { type MsnRange, stretchesOf } from './erase/erase-rows.ts';
import type { InitTable } from './init-table.ts';
import { type PinnedRange, rangeAt } from './pinned-windows.ts';
import type { RecordedGroup } from './recording-reader.ts';
import { windowOf } from './window.ts';

/** Result of a recovery. */
export interface Recovered {
  /** Files that were added to the index. */
  files: number;
  segments: number;
  /** Files that were open or had a torn tail. */
  repaired: number;
  /** Deleted files: before the horizon, or empty. */
  expired: number;
  /** Files without usable media or that cannot be read; they are kept. */
  unusable: SegmentLocation[];
}

interface RecoveryOptions {
  readonly segments: SegmentStore;
  readonly streamId: string;
  readonly table: Pick<ChunkTable, 'put' | 'qualitiesOf'>;
  readonly chunks: Pick<ChunkQueries, 'dateRangesBefore' | 'files' | 'last'>;
  readonly inits: InitTable;
  /** Files without an index row in windows before this are deleted; µs since 1970, 0 keeps all. */
  readonly horizonUs?: number;
  /** Pinned windows, in order. */
  readonly pinned?: readonly PinnedRange[];
  /** Segments that were deleted on request: a file that still has some loses them. */
  readonly erased?: readonly MsnRange[];
  /**
   * Whether the index has nothing at that time, µs since 1970; a file elsewhere is not added. Default: not
   * checked.
   */
  readonly isFree?: (fromUs: number, toUs: number) => Promise<boolean>;
  /** Called after each file. */
  readonly progress?: (files: number) => void;
}

/**
 * Adds every chunk file of a stream that is missing in the index, oldest first.
 *
 * @param sinceUs skips files whose hour ended before this, µs since 1970; 0 reads all
 */
export async function recoverStream(
  options: RecoveryOptions,
  sinceUs: number,
  { signal }: { signal: AbortSignal },
): Promise<Recovered> {
  const { segments, streamId, chunks, horizonUs = 0, pinned = [] } = options;
  const indexed = await chunks.files(streamId);
  let newestMsn = 0;
  for (const msn of indexed.firstMsns) newestMsn = Math.max(newestMsn, msn);
  const recovered: Recovered = { files: 0, segments: 0, repaired: 0, expired: 0, unusable: [] };
  const range = { ...(sinceUs > 0 && { fromMs: sinceUs / 1000 }), signal };
  for (const { location, firstMsn, startMs } of await listChunks(segments, streamId, range)) {
    signal.throwIfAborted();
    if (indexed.paths.has(location)) continue;
    try {
      // A file newer than the whole index was open when the last process ended: retention cannot have removed
      // its row.
      const mayBeDeleted = firstMsn < newestMsn;
      if (mayBeDeleted && windowOf(startMs * 1000) < horizonUs && !rangeAt(pinned, startMs * 1000)) {
        await segments.delete(location, { signal });
        recovered.expired++;
      } else if (indexed.firstMsns.has(firstMsn)) {
        // A copy of an indexed file under another path.
        recovered.unusable.push(location);
      } else {
        await addFile(options, location, recovered, signal);
      }
    } catch (error) {
      // A foreign or unreadable file does not stop the recovery of the others.
      const isFileProblem = error instanceof FormatError || isMissing(error);
      if (!isFileProblem && (error as NodeJS.ErrnoException).syscall === undefined) throw error;
      recovered.unusable.push(location);
    }
    options.progress?.(recovered.files);
  }
  return recovered;
}

/**
 * Adds every chunk file of the derived qualities of a stream that is missing in the index.
 *
 * @param backUs reads files from this long before the newest indexed one of each quality, µs; undefined reads
 *   all
 * @param recovered counts them
 */
export async function recoverQualities(
  options: RecoveryOptions,
  backUs: number | undefined,
  recovered: Recovered,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  const { segments, streamId, chunks } = options;
  for (const id of await listQualityRecordings(segments, streamId, { signal })) {
    const newest = backUs === undefined ? undefined : await chunks.last(id);
    const sinceUs = newest ? newest.start_us - backUs! : 0;
    const before = recovered.files;
    const progress = (files: number) => options.progress?.(before + files);
    const ofStream = await recoverStream({ ...options, streamId: id, progress }, sinceUs, { signal });
    recovered.files += ofStream.files;
    recovered.segments += ofStream.segments;
    recovered.repaired += ofStream.repaired;
    recovered.expired += ofStream.expired;
    recovered.unusable.push(...ofStream.unusable);
  }
}

async function addFile(
  options: RecoveryOptions,
  location: SegmentLocation,
  recovered: Recovered,
  signal: AbortSignal,
): Promise<void> {
  const { segments, table, chunks, streamId, erased = [] } = options;
  if ((await segments.size(location, { signal })) === 0) {
    // A crash or a full disk before its first byte.
    await segments.delete(location, { signal });
    recovered.repaired++;
    recovered.expired++;
    return;
  }
  const isErased = (msn: number) => erased.some(({ firstMsn, lastMsn }) => msn >= firstMsn && msn <= lastMsn);
  // A deletion that was interrupted, or a copy from elsewhere.
  const cleaned = erased.length > 0 ? await eraseGroups(segments, location, isErased, { signal }) : undefined;
  if (cleaned) recovered.repaired++;
  if (cleaned?.length === 0) return;
  const before = await scanChunk(segments, location, { signal });
  if (before.head.streamId !== streamId) throw new FormatError('the file belongs to another stream', 0);
  const chunk = before.state === 'sealed' ? before : await recoverChunk(segments, location, { signal });
  if (chunk.groups.length === 0) {
    if (before.groups.length > 0) {
      recovered.unusable.push(location);
      return;
    }
    // A crash before the first group was committed.
    await segments.delete(location, { signal });
    recovered.repaired++;
    recovered.expired++;
    return;
  }
  const endUs = (group: (typeof chunk.groups)[number]) => group.startUs + group.durationUs;
  if (options.isFree && !(await options.isFree(chunk.groups[0]!.startUs, endUs(chunk.groups.at(-1)!)))) {
    recovered.unusable.push(location);
    return;
  }
  if (before.state === 'open') recovered.repaired++;
  const initNumber = options.inits.add(chunk.head.initNumber, chunk.head.initHash, chunk.tracks);
  await options.inits.stored();
  const groups: RecordedGroup[] = chunk.groups.map((group) => ({ ...group, location, initNumber }));
  const earlier = () => chunks.dateRangesBefore(streamId, groups[0]!.msn, REMEMBERED_DATE_RANGES);
  const dateRanges = await rebuildDateRanges(segments, location, chunk.tracks, chunk.groups, earlier, { signal });
  for (const [i, stretch] of stretchesOf(groups, erased).entries()) {
    const msns = new Set(stretch.map(({ msn }) => msn));
    const ranges = dateRanges.filter(({ msn }) => msns.has(msn));
    await table.put(chunkRow(streamId, location, i === 0 ? chunk.length : 0, stretch), ranges);
  }
  recovered.files++;
  recovered.segments += groups.length;
}

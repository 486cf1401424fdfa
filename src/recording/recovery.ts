/**
 * Brings the index in step with the files: seals what a crash left open and adds what is not in the index.
 * In: the recordings folder of a stream. Out: rows. The files are the truth (docs/media.md 22).
 */
import { scanChunk } from '../archive/chunk-reader.ts';
import { recoverChunk } from '../archive/chunk-recovery.ts';
import { listChunks } from '../archive/recording-locations.ts';
import { isMissing, type SegmentLocation, type SegmentStore } from '../archive/segment-store.ts';
import { FormatError } from '../lib/errors.ts';
import { chunkRow } from './chunk-row.ts';
import type { ChunkTable } from './chunk-table.ts';
import { rebuildDateRanges } from './date-range-rebuild.ts';
import { REMEMBERED_DATE_RANGES } from './date-range-rows.ts';
import type { InitTable } from './init-table.ts';
import { type PinnedRange, rangeAt } from './pinned-windows.ts';
import type { RecordedGroup } from './recording-reader.ts';
import { windowOf } from './window.ts';

/** What recovery found. */
export interface Recovered {
  /** Files that were added to the index. */
  files: number;
  segments: number;
  /** Files whose tail was open or torn. */
  repaired: number;
  /** Files that were deleted: what they held lies before the horizon, or they held nothing. */
  expired: number;
  /** Files that hold nothing that can be used or cannot be read; they stay where they are. */
  unusable: SegmentLocation[];
}

/** What recovery works with. */
export interface RecoveryOptions {
  readonly segments: SegmentStore;
  readonly streamId: string;
  readonly table: ChunkTable;
  readonly inits: InitTable;
  /** What is not in the index and belongs to a window before this was to be deleted already; µs since 1970, 0 keeps all. */
  readonly horizonUs?: number;
  /** Windows that are kept whatever their age, in order. */
  readonly pinned?: readonly PinnedRange[];
  /** Told after each file. */
  readonly progress?: (files: number) => void;
}

/**
 * Adds every chunk file of a stream that the index does not have, oldest first.
 *
 * @param sinceUs files whose hour ended before this are not looked at; 0 looks at all of them
 */
export async function recoverStream(
  options: RecoveryOptions,
  sinceUs: number,
  { signal }: { signal: AbortSignal },
): Promise<Recovered> {
  const { segments, streamId, table, horizonUs = 0, pinned = [] } = options;
  const indexed = await table.files(streamId);
  let newestMsn = 0;
  for (const msn of indexed.firstMsns) newestMsn = Math.max(newestMsn, msn);
  const found: Recovered = { files: 0, segments: 0, repaired: 0, expired: 0, unusable: [] };
  const range = { ...(sinceUs > 0 && { fromMs: sinceUs / 1000 }), signal };
  for (const { location, firstMsn, startMs } of await listChunks(segments, streamId, range)) {
    signal.throwIfAborted();
    if (indexed.paths.has(location)) continue;
    try {
      // What is newer than all of the index was being written when the last process ended: the index cannot have forgotten it.
      const mayBeForgotten = firstMsn < newestMsn;
      if (mayBeForgotten && windowOf(startMs * 1000) < horizonUs && !rangeAt(pinned, startMs * 1000)) {
        await segments.delete(location, { signal });
        found.expired++;
      } else if (indexed.firstMsns.has(firstMsn)) {
        // The same name twice: a copy of what the index has under another path.
        found.unusable.push(location);
      } else {
        await addFile(options, location, found, signal);
      }
    } catch (error) {
      // One file that is not ours or cannot be read is no reason to be without the others.
      const isItsOwn = error instanceof FormatError || isMissing(error);
      if (!isItsOwn && (error as NodeJS.ErrnoException).syscall === undefined) throw error;
      found.unusable.push(location);
    }
    options.progress?.(found.files);
  }
  return found;
}

async function addFile(
  options: RecoveryOptions,
  location: SegmentLocation,
  found: Recovered,
  signal: AbortSignal,
): Promise<void> {
  const { segments, table, streamId } = options;
  const before = await scanChunk(segments, location, { signal });
  if (before.head.streamId !== streamId) throw new FormatError('this file is of another stream', 0);
  const chunk = before.state === 'sealed' ? before : await recoverChunk(segments, location, { signal });
  if (chunk.groups.length === 0) {
    if (before.groups.length > 0) {
      found.unusable.push(location);
      return;
    }
    // A crash before the first group was whole: nothing ever stood in it.
    await segments.delete(location, { signal });
    found.repaired++;
    found.expired++;
    return;
  }
  if (before.state === 'open') found.repaired++;
  const initNumber = options.inits.found(chunk.head.initNumber, chunk.head.initHash, chunk.tracks);
  const groups: RecordedGroup[] = chunk.groups.map((group) => ({ ...group, location, initNumber }));
  const earlier = () => table.dateRangesBefore(streamId, groups[0]!.msn, REMEMBERED_DATE_RANGES);
  const told = await rebuildDateRanges(segments, location, chunk.tracks, chunk.groups, earlier, { signal });
  await table.put(chunkRow(streamId, location, chunk.length, groups), told);
  found.files++;
  found.segments += groups.length;
}

/**
 * Brings the index in step with the files: seals what a crash left open and adds what is not in the index.
 * In: the recordings folder of a stream. Out: rows. The files are the truth (MEDIA.md, Files 22).
 */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { scanChunk } from '../archive/chunk-reader.ts';
import { recoverChunk } from '../archive/chunk-recovery.ts';
import { type SegmentLocation, segmentLocation } from '../archive/segment-store.ts';
import { FormatError } from '../lib/errors.ts';
import { listChunkFiles } from './chunk-files.ts';
import { chunkRow } from './chunk-row.ts';
import type { ChunkTable } from './chunk-table.ts';
import { REMEMBERED_RANGES } from './date-range-rows.ts';
import type { InitTable } from './init-table.ts';
import { type PinnedRange, rangeAt } from './pinned.ts';
import type { RecordedGroup } from './recorded.ts';
import { readToldRanges } from './told-ranges.ts';
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
  /** Files that hold nothing that can be used or cannot be read; they stay where they are. Relative to the data folder. */
  unusable: string[];
}

/** What recovery works with. */
export interface RecoveryOptions {
  readonly dataFolder: string;
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
  const { dataFolder, streamId, table, horizonUs = 0, pinned = [] } = options;
  const root = path.join(dataFolder, 'recordings', streamId);
  const indexed = await table.files(streamId);
  let newestMsn = 0;
  for (const msn of indexed.firstMsns) newestMsn = Math.max(newestMsn, msn);
  const found: Recovered = { files: 0, segments: 0, repaired: 0, expired: 0, unusable: [] };
  for (const file of await listChunkFiles(root, sinceUs > 0 ? { fromMs: sinceUs / 1000 } : {})) {
    signal.throwIfAborted();
    const relative = segmentLocation(path.relative(dataFolder, file.path).split(path.sep).join('/'));
    if (indexed.paths.has(relative)) continue;
    try {
      // What is newer than all of the index was being written when the last process ended: the index cannot have forgotten it.
      const mayBeForgotten = file.firstMsn < newestMsn;
      if (mayBeForgotten && windowOf(file.startMs * 1000) < horizonUs && !rangeAt(pinned, file.startMs * 1000)) {
        await rm(file.path, { force: true });
        found.expired++;
      } else if (indexed.firstMsns.has(file.firstMsn)) {
        // The same name twice: a copy of what the index has under another path.
        found.unusable.push(relative);
      } else {
        await addFile(options, file.path, relative, found);
      }
    } catch (error) {
      // One file that is not ours or cannot be read is no reason to be without the others.
      if (!(error instanceof FormatError) && (error as NodeJS.ErrnoException).syscall === undefined) throw error;
      found.unusable.push(relative);
    }
    options.progress?.(found.files);
  }
  return found;
}

async function addFile(
  options: RecoveryOptions,
  file: string,
  location: SegmentLocation,
  found: Recovered,
): Promise<void> {
  const before = await scanChunk(file);
  if (before.head.streamId !== options.streamId) throw new FormatError('this file is of another stream', 0);
  const chunk = before.state === 'sealed' ? before : await recoverChunk(file);
  if (chunk.groups.length === 0) {
    if (before.groups.length > 0) {
      found.unusable.push(location);
      return;
    }
    // A crash before the first group was whole: nothing ever stood in it.
    await rm(file, { force: true });
    found.repaired++;
    found.expired++;
    return;
  }
  if (before.state === 'open') found.repaired++;
  const initNumber = options.inits.found(chunk.head.initNumber, chunk.head.initHash, chunk.tracks);
  const groups: RecordedGroup[] = chunk.groups.map((group) => ({ ...group, location, initNumber }));
  const { table, streamId } = options;
  const earlier = () => table.toldBefore(streamId, groups[0]!.msn, REMEMBERED_RANGES);
  const told = await readToldRanges(file, chunk.tracks, chunk.groups, earlier);
  await table.put(chunkRow(streamId, location, chunk.length, groups), told);
  found.files++;
  found.segments += groups.length;
}

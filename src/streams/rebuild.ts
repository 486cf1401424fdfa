/**
 * Makes the index again from the files, and compares the two.
 * In: a data folder that no other oxbow uses. Out: rows for every chunk file; what differs. docs/media.md 22.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { openLocalSegmentStore } from '../archive/local-segment-store.ts';
import { listChunks, listRecordings } from '../archive/recording-locations.ts';
import { type SegmentStore, segmentLocation } from '../archive/segment-store.ts';
import { createSystemClock } from '../lib/clock.ts';
import { OxbowError } from '../lib/errors.ts';
import { createSilentLog, type Log } from '../observe/log.ts';
import { ChunkTable } from '../recording/chunk-table.ts';
import { openInitTable } from '../recording/init-table.ts';
import { recoverStream } from '../recording/recovery.ts';
import { openStore, type Store } from '../store/db.ts';
import { DATABASE_FILE } from '../store/file-names.ts';
import { readIndexedFiles } from '../store/indexed-files.ts';
import { isLocked } from '../store/running.ts';
import { adoptRecordings } from './stream-table.ts';

export { DATABASE_FILE };

/** What a rebuild did. */
export interface RebuildResult {
  readonly streams: number;
  readonly files: number;
  readonly segments: number;
  /** Open or torn files that were mended. */
  readonly repaired: number;
  /** Files that hold nothing usable, relative to the data folder; left where they are. */
  readonly unusable: readonly string[];
}

/** How database and files compare. */
export interface IndexReport {
  readonly files: number;
  /** Sentences about what does not agree; empty when all is well. */
  readonly problems: readonly string[];
  /** The database has an older schema, which the next start upgrades; nothing was compared. */
  readonly isOld?: true;
}

/**
 * Forgets every row of the index and adds each file again. Streams that only the files know come back under their names.
 *
 * @throws OxbowError `data-in-use` while oxbow runs on the folder
 */
export async function rebuildIndex(
  dataFolder: string,
  { signal, progress, log = createSilentLog() }: { signal: AbortSignal; progress?: (files: number) => void; log?: Log },
): Promise<RebuildResult> {
  await using store = await openStore({ file: path.join(dataFolder, DATABASE_FILE), log });
  await using segments = openLocalSegmentStore({ folder: dataFolder });
  await adoptRecordings(store.db, segments, { onlyIfEmpty: false });
  const clock = createSystemClock();
  const table = new ChunkTable(store.db, () => store.fence);
  const sum = { files: 0, segments: 0, repaired: 0 };
  const unusable: string[] = [];
  const ids = await streamIds(store);
  for (const streamId of ids) {
    const failures: unknown[] = [];
    await table.clear(streamId);
    const inits = await openInitTable(store.db, streamId, {
      failed: (error) => failures.push(error),
      nowMs: () => clock.nowMs(),
    });
    const before = sum.files;
    const found = await recoverStream(
      { segments, streamId, table, inits, progress: (files) => progress?.(before + files) },
      0,
      { signal },
    );
    sum.files += found.files;
    sum.segments += found.segments;
    sum.repaired += found.repaired;
    unusable.push(...found.unusable);
    if (failures.length > 0) throw failures[0];
  }
  return { ...sum, streams: ids.length, unusable };
}

/**
 * Looks whether every file of the index is on the disk, and whether recordings have an index at all. Changes nothing.
 *
 * @throws OxbowError `data-in-use` while oxbow runs on the folder, `data-newer`, `not-ready` where the database cannot be read
 */
export async function checkIndex(dataFolder: string, { signal }: { signal: AbortSignal }): Promise<IndexReport> {
  if (isLocked(dataFolder)) throw new OxbowError('data-in-use', `Another oxbow runs on ${dataFolder}.`);
  const database = path.join(dataFolder, DATABASE_FILE);
  const indexed = existsSync(database) ? readIndexedFiles(database) : [];
  if (indexed === undefined) return { files: 0, problems: [], isOld: true };
  await using segments = openLocalSegmentStore({ folder: dataFolder });
  const problems: string[] = [];
  if (indexed.length === 0) {
    const files = await countChunks(segments, signal);
    const lacks = existsSync(database) ? 'the index is empty' : `there is no ${DATABASE_FILE}`;
    // The one open file of a young stream is indexed when it is closed.
    if (files > 1 || (files > 0 && !existsSync(database)))
      problems.push(`${lacks}, but ${files} recorded files are there`);
  }
  for (const file of indexed) {
    signal.throwIfAborted();
    await segments
      .size(segmentLocation(file))
      .catch(() => problems.push(`${file} is in the index, but not on the disk`));
  }
  return { files: indexed.length, problems };
}

async function countChunks(segments: SegmentStore, signal: AbortSignal): Promise<number> {
  let files = 0;
  for (const streamId of await listRecordings(segments, { signal })) {
    files += (await listChunks(segments, streamId, { signal })).length;
  }
  return files;
}

async function streamIds(store: Store): Promise<string[]> {
  const rows = await store.db.selectFrom('stream').select('id').execute();
  return rows.map((row) => row.id);
}

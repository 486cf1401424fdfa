/**
 * Makes the index again from the files, and compares the two.
 * In: a data folder that no other oxbow uses. Out: rows for every chunk file; what differs. MEDIA.md, Files 22.
 */
import { existsSync } from 'node:fs';
import { access, readdir } from 'node:fs/promises';
import path from 'node:path';
import { createSystemClock } from '../lib/clock.ts';
import { OxbowError } from '../lib/errors.ts';
import { createSilentLog, type Log } from '../observe/log.ts';
import { listChunkFiles } from '../recording/chunk-files.ts';
import { ChunkTable } from '../recording/chunk-table.ts';
import { openInitTable } from '../recording/init-table.ts';
import { recoverStream } from '../recording/recovery.ts';
import { openStore, type Store } from '../store/db.ts';
import { DATABASE_FILE } from '../store/file-names.ts';
import { readIndexedFiles } from '../store/indexed-files.ts';
import { isLocked } from '../store/running.ts';
import { adoptFolders } from './stream-table.ts';

export { DATABASE_FILE };

/** What a rebuild did. */
export interface Rebuilt {
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
): Promise<Rebuilt> {
  await using store = await openStore({ file: path.join(dataFolder, DATABASE_FILE), log });
  await adoptFolders(store.db, dataFolder, { onlyIfEmpty: false });
  const clock = createSystemClock();
  const table = new ChunkTable(store.db);
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
      { dataFolder, streamId, table, inits, progress: (files) => progress?.(before + files) },
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
  const problems: string[] = [];
  if (indexed.length === 0) {
    const files = await countChunkFiles(path.join(dataFolder, 'recordings'));
    const lacks = existsSync(database) ? 'the index is empty' : `there is no ${DATABASE_FILE}`;
    // The one open file of a young stream is indexed when it is closed.
    if (files > 1 || (files > 0 && !existsSync(database)))
      problems.push(`${lacks}, but ${files} recorded files are there`);
  }
  for (const relative of indexed) {
    signal.throwIfAborted();
    await access(path.join(dataFolder, relative)).catch(() =>
      problems.push(`${relative} is in the index, but not on the disk`),
    );
  }
  return { files: indexed.length, problems };
}

async function countChunkFiles(folder: string): Promise<number> {
  if (!existsSync(folder)) return 0;
  let files = 0;
  for (const streamId of await readdir(folder)) files += (await listChunkFiles(path.join(folder, streamId), {})).length;
  return files;
}

async function streamIds(store: Store): Promise<string[]> {
  const rows = await store.db.selectFrom('stream').select('id').execute();
  return rows.map((row) => row.id);
}

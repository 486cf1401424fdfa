/**
 * Rebuilds the index from the files, and compares the index with the files.
 * In: a data folder that no server uses. Out: rows for every chunk file; the differences. docs/media.md 22.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { FoldersSegmentStore } from '../../archive/folders/folders-segment-store.ts';
import { openFolders } from '../../archive/folders/open-folders.ts';
import { openLocalSegmentStore } from '../../archive/local-segment-store.ts';
import { adoptObjects } from '../../archive/objects/adopt-objects.ts';
import { OBJECT_CACHE, openTieredStore, type TieredStore } from '../../archive/objects/open-tiered.ts';
import { listChunks, listQualityRecordings, listRecordings } from '../../archive/recording-locations.ts';
import { type SegmentStore, segmentLocation } from '../../archive/segment-store.ts';
import type { Config } from '../../config/schema.ts';
import { folderOfStream } from '../../config/sections/storage-section.ts';
import type { DatabaseServer } from '../../config/sections/store-section.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createSilentLog, type Log } from '../../observe/log.ts';
import { ChunkQueries } from '../../recording/chunks/chunk-queries.ts';
import { ChunkTable } from '../../recording/chunks/chunk-table.ts';
import { adoptErased } from '../../recording/erase/erased-file.ts';
import { ErasureTable } from '../../recording/erase/erasure-table.ts';
import { openInitTable } from '../../recording/init-table.ts';
import { restoreMirrors } from '../../recording/mirror/mirror-restore.ts';
import { recoverQualities, recoverStream } from '../../recording/recovery.ts';
import { openStore, type Store } from '../../store/db.ts';
import { DATABASE_FILE } from '../../store/file-names.ts';
import { hasNodes, readIndexedFiles, readNodeNames, readServerFiles } from '../../store/indexed-files.ts';
import { openIndexReader } from '../../store/reading/index-reader.ts';
import { readAllDiffering, recountAll } from '../../store/reading/recount.ts';
import { isLocked } from '../../store/running.ts';
import { readSavedState, writeSavedState } from '../saved-state.ts';
import { adoptRecordings, readNames, readStreamName } from '../stream-table.ts';

export { DATABASE_FILE };

export interface RebuildResult {
  readonly streams: number;
  readonly files: number;
  readonly segments: number;
  /** Number of open or torn files that were repaired. */
  readonly repaired: number;
  /** Files without usable media, relative to the data folder; they are not deleted. */
  readonly unusable: readonly string[];
}

/** The result of a comparison of index and files. */
export interface IndexReport {
  readonly files: number;
  /** Sentences about differences; empty if there are none. */
  readonly problems: readonly string[];
  /** The database has an older schema, which the next start upgrades: nothing was compared. */
  readonly isOld?: true;
}

/** Where files are besides the data folder: the section of the settings. */
export type StorageSettings = Pick<Config['storage'], 'targets' | 'cache' | 'folders'>;

/** What belongs to a data folder besides its files. */
export interface FolderOptions {
  /** The database server, if there is one. */
  readonly server?: DatabaseServer | undefined;
  readonly storage?: StorageSettings | undefined;
}

/**
 * Deletes all rows of the index and adds every file again, those in object stores too. Streams that only
 * exist as files are restored with their names.
 *
 * @throws OxbowError `data-in-use` while a server uses the folder, `bad-request` for the database of several
 *   nodes, `storage-failed` if an object store cannot be listed
 */
export async function rebuildIndex(
  dataFolder: string,
  options: FolderOptions & {
    readonly signal: AbortSignal;
    readonly progress?: (files: number) => void;
    readonly log?: Log;
  },
): Promise<RebuildResult> {
  const { signal, server, progress, log = createSilentLog(), storage } = options;
  const file = path.join(dataFolder, DATABASE_FILE);
  await using store = await openStore({ file, server, log, unlimited: true, signal });
  await refuseNodes(store);
  await using opened = await openFolderStore(dataFolder, store, storage);
  const { segments, tiered } = opened;
  // The rows of files in a missing folder would be lost.
  await opened.folders?.assertComplete();
  if (tiered) {
    await adoptObjects(tiered, { signal });
    await restoreMirrors(tiered, { signal });
  }
  await adoptRecordings(store, segments, { onlyIfEmpty: false });
  const clock = createSystemClock();
  const table = new ChunkTable(store.rows);
  const chunks = new ChunkQueries(store.rows);
  const erasures = await ErasureTable.open(store);
  const sum = { files: 0, segments: 0, repaired: 0 };
  const unusable: string[] = [];
  const ids = await streamIds(store);
  for (const streamId of ids) {
    const failures: unknown[] = [];
    await table.clear(streamId);
    const inits = await openInitTable(store.rows, streamId, {
      failed: (error) => failures.push(error),
      nowMs: () => clock.nowMs(),
    });
    const nowUs = Math.round(clock.nowMs() * 1000);
    const recordings = [streamId, ...(await listQualityRecordings(segments, streamId, { signal }))];
    const stream = (await readStreamName(store.db, streamId)) ?? streamId;
    await adoptErased({ segments, erasures, streamId, stream, recordings, nowUs });
    const erased = erasures.of(streamId);
    const before = sum.files;
    const options = {
      segments,
      streamId,
      table,
      chunks,
      inits,
      erased,
      progress: (files: number) => progress?.(before + files),
    };
    const recovery = await recoverStream(options, 0, { signal });
    await recoverQualities(options, undefined, recovery, { signal });
    if (recovery.repaired > 0) await noteCrash(store, chunks, streamId);
    sum.files += recovery.files;
    sum.segments += recovery.segments;
    sum.repaired += recovery.repaired;
    unusable.push(...recovery.unusable);
    if (failures.length > 0) throw failures[0];
  }
  await recountAll(store.rows, store.fence);
  return { ...sum, streams: ids.length, unusable };
}

/**
 * A file that was open says that the last process did not close it. Once it is repaired, no file says so: a
 * start without a database would.
 */
async function noteCrash(store: Store, chunks: ChunkQueries, streamId: string): Promise<void> {
  const last = await chunks.last(streamId);
  if (!last || (await readSavedState(store.db, streamId))) return;
  const crashed = { clean: false, gaps: [], generation: undefined, liveSource: null };
  await writeSavedState(store, streamId, { atUs: last.end_us, ...crashed });
}

/**
 * Checks that every indexed file is on the disk, and that recordings have an index. Changes nothing.
 *
 * @throws OxbowError `data-in-use` while a server uses the folder, `data-newer`, `not-ready` if the database
 *   cannot be read
 */
export async function checkIndex(
  dataFolder: string,
  { signal, server, storage }: FolderOptions & { readonly signal: AbortSignal },
): Promise<IndexReport> {
  if (isLocked(dataFolder)) throw new OxbowError('data-in-use', `Another oxbow runs on ${dataFolder}.`);
  const database = path.join(dataFolder, DATABASE_FILE);
  const hasDatabase = server !== undefined || existsSync(database);
  const indexed = server ? await readServerFiles(server) : hasDatabase ? readIndexedFiles(database) : [];
  if (indexed === undefined) return { files: 0, problems: [], isOld: true };
  const main = openLocalSegmentStore({ folder: dataFolder });
  const place = { main, dataFolder, folderOf: () => undefined, leastFree: () => 0 };
  await using segments = (await openFolders({ ...place, folders: storage?.folders ?? {} })) ?? main;
  const problems: string[] = [];
  if (indexed.length === 0) {
    const files = await countChunks(segments, signal);
    const lacks = hasDatabase ? 'the index is empty' : `there is no ${DATABASE_FILE}`;
    // The only file of a new stream is indexed when it is closed.
    if (files > 1 || (files > 0 && !hasDatabase)) problems.push(`${lacks}, but there are ${files} recorded files`);
  }
  // The others are in the folders of other nodes.
  const ownFiles = server && (await hasNodes(server)) ? [] : indexed;
  for (const file of ownFiles) {
    signal.throwIfAborted();
    await segments
      .size(segmentLocation(file))
      .catch(() => problems.push(`${file} is in the index but not on the disk`));
  }
  return { files: indexed.length, problems };
}

/**
 * Compares the sums of recordings and targets with the index, without changes.
 *
 * @returns the number of those that differ; undefined for the database of several nodes, which are
 *   not compared while some of them run
 * @throws OxbowError `data-in-use`, `data-newer`, `not-ready` if the database cannot be read
 */
export async function checkSums(
  dataFolder: string,
  { server }: Pick<FolderOptions, 'server'>,
): Promise<number | undefined> {
  if (isLocked(dataFolder)) throw new OxbowError('data-in-use', `Another oxbow runs on ${dataFolder}.`);
  await using reader = await openIndexReader(dataFolder, server);
  return reader.isShared ? undefined : (await readAllDiffering(reader.rows)).length;
}

/**
 * Refuses the database of a cluster, whose files are in the folders of its nodes.
 * @throws OxbowError `bad-request`
 */
export async function refuseNodes({ db }: Pick<Store, 'db'>): Promise<void> {
  const nodes = await readNodeNames(db);
  if (nodes.length <= 1) return;
  const names = nodes.join(', ');
  throw new OxbowError(
    'bad-request',
    `The database is that of a cluster (${names}), whose files are not all in this folder.`,
    {
      extra: { hint: 'A node adds what is missing in the index when it starts. Restore a backup otherwise.' },
    },
  );
}

async function countChunks(segments: SegmentStore, signal: AbortSignal): Promise<number> {
  let files = 0;
  for (const streamId of await listRecordings(segments, { signal })) {
    files += (await listChunks(segments, streamId, { signal })).length;
  }
  return files;
}

/**
 * Opens the files of a data folder and its object stores, without a server.
 *
 * @param storage undefined: no settings are known; the files in object stores then cannot be read
 */
export async function openFolderStore(
  folder: string,
  store: Pick<Store, 'db' | 'rows' | 'fence'>,
  { targets, cache: maxBytes, folders: folderSettings }: StorageSettings = { targets: {}, cache: 0, folders: {} },
): Promise<OpenedFiles> {
  const main = openLocalSegmentStore({ folder });
  const folders = await openStoreFolders(folder, store, folderSettings, main);
  const local = folders ?? main;
  const cache = { folder: path.join(folder, OBJECT_CACHE), maxBytes: () => maxBytes, hasRoom: () => true };
  const fence = () => store.fence;
  const tiered = await openTieredStore({
    local,
    metadata: store,
    fence,
    nowMs: Date.now,
    targets,
    dataFolder: folder,
    cache,
  });
  const owner = tiered ?? local;
  return {
    segments: tiered?.store ?? local,
    tiered,
    folders,
    [Symbol.asyncDispose]: () => owner[Symbol.asyncDispose](),
  };
}

/** The files of a data folder, of its further folders and its object stores. */
export interface OpenedFiles extends AsyncDisposable {
  readonly segments: SegmentStore;
  readonly tiered: TieredStore | undefined;
  /** Undefined: there are none. */
  readonly folders: FoldersSegmentStore | undefined;
}

async function openStoreFolders(
  dataFolder: string,
  store: Pick<Store, 'db'>,
  folders: StorageSettings['folders'],
  main: SegmentStore,
): Promise<FoldersSegmentStore | undefined> {
  const folderOf = (streamId: string) => {
    const name = names.get(streamId);
    return name === undefined ? undefined : folderOfStream(folders, name);
  };
  const names = await readNames(store.db);
  // A command watches the free space itself, or writes little.
  return openFolders({ main, dataFolder, folders, folderOf, leastFree: () => 0 });
}

async function streamIds(store: Store): Promise<string[]> {
  const rows = await store.db.selectFrom('stream').select('id').execute();
  return rows.map((row) => row.id);
}

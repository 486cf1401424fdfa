/**
 * Imports a folder of recorded files of another program into the past of streams, without encoding. No server
 * runs on the data folder.
 * In: a folder, its layout, a data folder. Out: recordings like those of oxbow itself; a report.
 * docs/5-record/import.md.
 */
import path from 'node:path';
import { NO_TEXTS } from '../../api/stream/stream-texts.ts';
import type { SegmentStore } from '../../archive/segment-store.ts';
import { defaultVisibility } from '../../config/exposure.ts';
import type { Config } from '../../config/schema.ts';
import { databaseServer } from '../../config/sections/store-section.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { printDuration } from '../../lib/duration.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import { makeFolder } from '../../lib/files/folder.ts';
import { createSilentLog } from '../../observe/log.ts';
import { ChunkQueries } from '../../recording/chunks/chunk-queries.ts';
import { ChunkTable } from '../../recording/chunks/chunk-table.ts';
import { openInitTable } from '../../recording/init-table.ts';
import { recoverStream } from '../../recording/recovery.ts';
import { writeIdentity } from '../../recording/stream-identity.ts';
import { isImportedRun } from '../../recording/stretch/stretch-runs.ts';
import { horizonUs } from '../../recording/window.ts';
import { openStore, type Store } from '../../store/db.ts';
import type { MsnMarks } from '../../store/msn-marks.ts';
import { leastMsnAt } from '../../store/msn-marks.ts';
import type { StreamDefinition } from '../../streams/definition.ts';
import { NO_ROOM, watchDisk } from '../../streams/disk.ts';
import { DATABASE_FILE, openFolderStore } from '../../streams/offline/rebuild.ts';
import { openMsnMarks } from '../../streams/record/open-msn-marks.ts';
import { readSavedState } from '../../streams/saved-state.ts';
import { newStreamId } from '../../streams/stream-settings.ts';
import { readDefinition, writeDefinition } from '../../streams/stream-table.ts';
import { type FolderRequest, type FoundFolder, type FoundStream, findFiles } from './found-files.ts';
import { importStream, type StreamImported } from './import-stream.ts';
import { Ledger } from './ledger.ts';
import { PastPlaces } from './past-places.ts';

/** A stream of the report. */
export interface ImportedStream extends StreamImported {
  readonly stream: string;
  /** The import has created it. */
  readonly isNew: boolean;
  /** Retention of its recording, ms. */
  readonly keepMs: number;
}

export interface ImportReport {
  readonly found: FoundFolder;
  readonly streams: readonly ImportedStream[];
}

export interface ImportProgress {
  readonly stream: string;
  /** Of all files of all streams, bytes. */
  readonly bytes: number;
  readonly totalBytes: number;
}

/** How it is done. */
export interface ImportOptions {
  readonly config: Config;
  /** Retention of streams that are created, ms; undefined: `record.keep`, or a century if files are older. */
  readonly keepMs: number | undefined;
  /** Called when the files are known, before anything is written. */
  readonly planned?: (foundFolder: FoundFolder) => void;
  readonly progress?: (progress: ImportProgress) => void;
  readonly signal: AbortSignal;
}

/** As long as a duration can be. */
const CENTURY_MS = 36_525 * 86_400_000;
/** Files that begin later than this are in the future, ms. */
const FUTURE_MS = 60_000;

/**
 * Imports a folder; may be repeated, and continues where it was interrupted.
 *
 * @throws OxbowError `data-in-use` while a server uses the data folder, `disk-failed`, `bad-request`, errors
 *   of `findFiles`; the signal's reason when aborted: media imported until then stays
 */
export async function importRecordings(request: FolderRequest, options: ImportOptions): Promise<ImportReport> {
  const { config, signal, planned } = options;
  const foundFolder = await findFiles(request, { signal });
  planned?.(foundFolder);
  const dataFolder = path.resolve(config.data);
  makeFolder(dataFolder);
  const clock = createSystemClock();
  const log = createSilentLog();
  await using opened = new AsyncDisposableStack();
  const file = path.join(dataFolder, DATABASE_FILE);
  const store = opened.use(await openStore({ file, server: databaseServer(config.store), log, signal }));
  const { segments } = opened.use(await openFolderStore(dataFolder, store, config.storage));
  const table = new ChunkTable(store.rows);
  const chunks = new ChunkQueries(store.rows);
  const msnMarks = opened.use(await openMsnMarks({ dataFolder, store, chunks, clock, log }));
  const failures: unknown[] = [];
  const looking = new AbortController();
  const disk = await watchDisk(
    dataFolder,
    { now: config },
    {
      signal: looking.signal,
      failed: (error) => failures.push(error),
    },
  );
  opened.defer(async () => {
    looking.abort();
    await disk.done;
  });
  if (!disk.now().hasRoom) throw new OxbowError('disk-failed', NO_ROOM);
  const totalBytes = foundFolder.streams.flatMap(({ files }) => files).reduce((sum, { size }) => sum + size, 0);
  let bytes = 0;
  const streams: ImportedStream[] = [];
  const folder: Folder = { dataFolder, store, segments, table, chunks, msnMarks, mayWrite: () => disk.now().hasRoom };
  for (const stream of foundFolder.streams) {
    const progress = (size: number) => {
      bytes += size;
      options.progress?.({ stream: stream.stream, bytes, totalBytes });
    };
    streams.push(await importOne(folder, foundFolder, stream, { ...options, clock, progress }));
  }
  return { found: foundFolder, streams };
}

/** A data folder that is open. */
interface Folder {
  readonly dataFolder: string;
  readonly store: Store;
  readonly segments: SegmentStore;
  readonly table: ChunkTable;
  readonly chunks: ChunkQueries;
  readonly msnMarks: MsnMarks;
  readonly mayWrite: () => boolean;
}

async function importOne(
  folder: Folder,
  { layout, stepUs }: FoundFolder,
  { stream: name, files: foundFiles }: FoundStream,
  {
    config,
    keepMs: wantedMs,
    clock,
    progress,
    signal,
  }: Omit<ImportOptions, 'progress'> & {
    readonly clock: ReturnType<typeof createSystemClock>;
    readonly progress: (size: number) => void;
  },
): Promise<ImportedStream> {
  const { store, segments, table, chunks, msnMarks, dataFolder, mayWrite } = folder;
  const nowMs = clock.nowMs();
  const files = foundFiles.filter(({ startUs }) => startUs / 1000 < nowMs + FUTURE_MS);
  const { definition: before, isRemoved } = await readDefinition(store.db, name);
  if (isRemoved) {
    throw new OxbowError('stream-exists', `There was a stream named ${name}, whose recordings are still kept.`, {
      extra: { hint: 'Import with another name: --as NAME' },
    });
  }
  const definition = before ?? newDefinition(name, { config, nowMs, keepMs: wantedMs ?? keepOf(files, config, nowMs) });
  const { id } = definition;
  // A number that was announced under a name is never that of other media (docs/media.md 14).
  using msns = await msnMarks.claim(name, 1);
  if (!before && msns.first > leastMsnAt((files[0]?.startUs ?? 0) / 1000)) {
    throw new OxbowError('stream-exists', `Segments were served under the name ${name} before.`, {
      extra: { hint: 'Import with another name: --as NAME. The stream can be renamed later.' },
    });
  }
  if (!before) {
    await writeDefinition(store, definition);
    await writeIdentity(segments, { id, name, createdUs: definition.createdUs }, { signal });
  }
  const failures: unknown[] = [];
  const inits = await openInitTable(store.rows, id, {
    failed: (error) => failures.push(error),
    nowMs: () => clock.nowMs(),
  });
  await recoverStream({ segments, streamId: id, table, chunks, inits }, 0, { signal });
  const hasOwn = await hasOwnPast(store, chunks, id);
  const keepMs = definition.keepMs ?? config.record.keep;
  await using ledger = await Ledger.open(dataFolder, id);
  const imported = await importStream(
    {
      config,
      segments,
      table,
      chunks,
      inits,
      streamId: id,
      clock,
      mayWrite,
      files,
      ledger,
      stepUs,
      announced: (msn) => msns.announced(msn),
      places: new PastPlaces(await chunks.joinedSpansBetween(id, 0, Number.MAX_SAFE_INTEGER)),
      floorUs: Math.max(horizonUs(nowMs, keepMs), await table.deletedBefore(id)),
      limitUs: hasOwn ? definition.createdUs : Math.round(nowMs * 1000),
      looseUs: layout.looseUs,
      byArrival: layout.byArrival,
      discontinuitiesAt: async (msn) => (await chunks.upTo(id, msn))?.discontinuity_sequence ?? 0,
      progress: ({ size }) => progress(size),
    },
    { signal },
  );
  if (failures.length > 0) throw new OxbowError('disk-failed', sentenceOf(failures[0]), { cause: failures[0] });
  const future = foundFiles
    .filter((file) => !files.includes(file))
    .map((file) => ({ name: file.name, reason: IN_FUTURE }));
  return { stream: name, isNew: !before, keepMs, ...imported, skipped: [...imported.skipped, ...future] };
}

const IN_FUTURE = 'its name is a time in the future: name the time zone with --time-zone';

/** Whether a stream has had live media: its live playlist has used segment numbers. */
async function hasOwnPast(store: Store, chunks: ChunkQueries, streamId: string): Promise<boolean> {
  const saved = await readSavedState(store.db, streamId);
  if (saved?.generation) return true;
  const last = await chunks.last(streamId);
  return last !== undefined && !isImportedRun(last.run);
}

/** Retention by which none of the files is deleted. */
function keepOf(files: FoundStream['files'], { record }: Config, nowMs: number): number | undefined {
  const oldestUs = files[0]?.startUs ?? Number.POSITIVE_INFINITY;
  return oldestUs < horizonUs(nowMs, record.keep) ? CENTURY_MS : undefined;
}

/** A stream without a source: one is set later, or never. */
function newDefinition(
  name: string,
  { config, nowMs, keepMs }: { readonly config: Config; readonly nowMs: number; readonly keepMs: number | undefined },
): StreamDefinition {
  return {
    id: newStreamId(nowMs),
    name,
    source: { type: 'push', onSecondPublisher: 'refuse' },
    origin: 'api',
    ...NO_TEXTS,
    record: true,
    keepMs,
    visibility: defaultVisibility(config),
    visibilityIsSet: false,
    createdUs: Math.round(nowMs * 1000),
    stopped: true,
    paused: false,
  };
}

/** A retention as text. */
export function sayKeep(keepMs: number): string {
  return keepMs >= CENTURY_MS ? 'until it is deleted' : printDuration(keepMs);
}

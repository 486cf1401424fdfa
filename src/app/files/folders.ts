/**
 * Opens the further folders of recordings, watches whether they are there, and moves recordings into them.
 * In: the context, store, the files of the data folder. Out: Folders; log lines, events, metrics, a health
 * check.
 */
import type { FolderView } from '../../api/admin-shapes.ts';
import type { FoldersSegmentStore } from '../../archive/folders/folders-segment-store.ts';
import { openFolders as openStore } from '../../archive/folders/open-folders.ts';
import type { RecordingFolder } from '../../archive/folders/recording-folder.ts';
import type { SegmentStore } from '../../archive/segment-store.ts';
import type { SyncQueue } from '../../archive/sync-queue.ts';
import type { EventBus } from '../../cluster/bus/event-bus.ts';
import { isSpeaker } from '../../cluster/processes/process-link.ts';
import { folderOfStream } from '../../config/sections/storage-section.ts';
import type { AppContext, Folders, Parts } from '../../features/core.ts';
import { sleep } from '../../lib/abort.ts';
import { OxbowError } from '../../lib/errors.ts';
import { DiskForecast } from '../../observe/disk-forecast.ts';
import { runFolderMoves } from '../../recording/offload/folder-moves.ts';
import type { Store } from '../../store/db.ts';
import type { Catalog } from '../../streams/catalog.ts';
import { minFreeBytes } from '../../streams/disk.ts';
import { readNames } from '../../streams/stream-table.ts';

/** Interval of looks, ms. */
const EVERY_MS = 5_000;

/** Opens the folders of the settings; undefined if there are none. */
export async function openFolders(
  app: AppContext,
  { store, bus }: { readonly store: Store; readonly bus: EventBus },
  main: SegmentStore,
  syncQueue: () => SyncQueue,
): Promise<Folders | undefined> {
  const { config, settings, dataFolder } = app;
  // The catalog knows the streams later; those that are recovered before that have names too.
  const names = await readNames(store.db);
  let catalog: Catalog | undefined;
  const folderOf = (streamId: string): string | undefined => {
    const name = catalog?.definitionOf(streamId)?.name ?? names.get(streamId);
    return name === undefined ? undefined : folderOfStream(config.storage.folders, name);
  };
  const opened = await openStore({
    main,
    dataFolder,
    folders: config.storage.folders,
    folderOf,
    syncQueue,
    leastFree: (total) => minFreeBytes(settings.now.record.minFree, total),
  });
  if (!opened) return undefined;
  const forecasts = new Map(opened.parts.map(({ name }) => [name, new DiskForecast()]));
  watchFolders(app, bus, opened, forecasts);
  const findOf = (streamId: string) => opened.parts.find(({ name }) => name === folderOf(streamId));
  return {
    store: opened,
    follow(open) {
      catalog = open;
    },
    pauseOf(streamId) {
      const folder = findOf(streamId);
      return folder && pauseOf(folder);
    },
    describe: () => opened.parts.map((folder) => describe(folder, forecasts.get(folder.name)!)),
  };
}

/** Why nothing is recorded into a folder, for viewers; empty while there is no reason. */
function pauseOf({ name, problem, hasRoom }: RecordingFolder): string {
  if (problem !== undefined) return `Recording is paused: the folder ${name} is missing.`;
  return hasRoom ? '' : `Recording is paused: the folder ${name} has less free space than record.minFree (--min-free).`;
}

function describe({ name, path, problem, space, hasRoom }: RecordingFolder, forecast: DiskForecast): FolderView {
  const { growth } = forecast;
  const fullInSeconds = growth > 0 ? space.free / growth : null;
  return { name, path, problem: problem ?? null, ...space, hasRoom, growth, fullInSeconds };
}

function watchFolders(
  { process: part, opened, shutdown, clock, log, metrics }: AppContext,
  bus: EventBus,
  { parts }: FoldersSegmentStore,
  forecasts: ReadonlyMap<string, DiskForecast>,
): void {
  const reported = new Map<string, string>();
  const report = (folder: RecordingFolder) => {
    const { name: folderName, problem, hasRoom, space } = folder;
    metrics.folderUp.set({ folder: folderName }, problem === undefined ? 1 : 0);
    if (problem === undefined) {
      metrics.folderFreeBytes.set({ folder: folderName }, space.free);
      forecasts.get(folderName)!.add(clock.monotonicMs(), space.free);
    }
    const detail = problem ?? (hasRoom ? '' : 'its disk has less free space than record.minFree');
    if (detail === (reported.get(folderName) ?? '')) return;
    reported.set(folderName, detail);
    if (!isSpeaker(part)) return;
    if (detail === '')
      log.info({ folder: folderName }, 'the folder of recordings is available again; recording resumed');
    else
      log.error(
        { folder: folderName, problem: detail },
        'a folder of recordings cannot be used: its streams are not recorded',
      );
    if (detail === '') bus.publish('folder.ok', { folder: folderName });
    else bus.publish('folder.failing', { folder: folderName, detail });
  };
  const watch = async () => {
    while (!shutdown.signal.aborted) {
      for (const folder of parts) {
        await folder.look();
        report(folder);
      }
      await sleep(EVERY_MS, shutdown).catch(() => undefined); // rejects only on abort, which ends the loop
    }
  };
  opened.use(shutdown.owns(watch()));
}

/** Checks the folders, and moves recordings, until the shutdown. */
export function startFolders(
  app: AppContext,
  { recordings, catalog, health }: Pick<Parts, 'recordings' | 'catalog' | 'health'>,
): void {
  const { folders, chunks, release } = recordings;
  if (!folders) return;
  const { settings, opened, shutdown, clock, metrics, failed } = app;
  opened.defer(
    health.register('recording folders', () => checkFolders(folders.store.parts), { ready: false, degrades: true }),
  );
  const moves = runFolderMoves(
    {
      store: folders.store,
      chunks,
      settings,
      clock,
      release,
      streams: () => catalog.recordings.retentionRules.map(({ streamId }) => streamId),
      moved: (bytes) => metrics.folderMovedBytes.inc(bytes),
      failed: failed('moving a recording to its folder'),
      isAlone: !app.process || app.process.link.start.isFirst,
    },
    shutdown,
  );
  opened.use(shutdown.owns(moves));
}

/** The health check. @throws OxbowError `not-ready` while a folder cannot be used */
function checkFolders(folders: readonly RecordingFolder[]): string {
  const problems = folders.flatMap(({ name, problem, hasRoom }) => {
    if (problem !== undefined) return [`${name}: ${problem}; its streams are not recorded`];
    return hasRoom ? [] : [`${name}: less free space than record.minFree; its streams are not recorded`];
  });
  if (problems.length > 0) throw new OxbowError('not-ready', `${problems.join('; ')}.`);
  return `${folders.length} folders`;
}

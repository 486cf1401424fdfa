/**
 * Opens the folders of recordings of the settings, for the server and for commands without one.
 * In: the store of the data folder, the setting `storage.folders`. Out: a store over all of them.
 */
import { openLocalSegmentStore } from '../local-segment-store.ts';
import type { SegmentStore } from '../segment-store.ts';
import { createSyncQueue, type SyncQueue } from '../sync-queue.ts';
import { FoldersSegmentStore, type FoldersStoreOptions } from './folders-segment-store.ts';
import { claimFolders, RecordingFolder, type RecordingFolderOptions } from './recording-folder.ts';

/** Options of the store. */
interface OpenFoldersOptions extends Pick<FoldersStoreOptions, 'folderOf'>, Pick<RecordingFolderOptions, 'leastFree'> {
  /** Closed with the result. */
  readonly main: SegmentStore;
  readonly dataFolder: string;
  /** Paths by name. */
  readonly folders: Readonly<Record<string, { readonly path: string }>>;
  /** Makes the queue of a disk; a new one if absent. */
  readonly syncQueue?: () => SyncQueue;
}

/**
 * Opens the store; undefined if there are no folders: then `main` is not closed.
 *
 * @throws as `claimFolders`. A folder that is missing is no error
 */
export async function openFolders({
  main,
  dataFolder,
  folders,
  folderOf,
  leastFree,
  syncQueue = createSyncQueue,
}: OpenFoldersOptions): Promise<FoldersSegmentStore | undefined> {
  if (Object.keys(folders).length === 0) return undefined;
  const ids = await claimFolders(dataFolder, folders);
  const opened = Object.entries(folders).map(([name, { path }]) => {
    const store = openLocalSegmentStore({ folder: path, syncQueue: syncQueue() });
    return new RecordingFolder({ name, path, id: ids.get(name)!, store, leastFree });
  });
  await Promise.all(opened.map((folder) => folder.look()));
  return new FoldersSegmentStore({ main, folders: opened, folderOf });
}

/**
 * Opens the store over files and the buckets of the settings, for the server and for commands without one.
 * In: the store of the files, the database, the section `storage`. Out: the tiered store with its parts.
 */
import type { TargetConfig } from '../../config/sections/storage-section.ts';
import type { Store } from '../../store/db.ts';
import type { Fence } from '../../store/lease-table.ts';
import type { SegmentStore } from '../segment-store.ts';
import { BlockFiles, type BlockFilesOptions } from './block-files.ts';
import { assertApart } from './folder-client.ts';
import { RewrittenFiles } from './logged/rewritten-files.ts';
import { ObjectDeletions } from './object-deletions.ts';
import { ObjectReader, type ObjectReaderOptions } from './object-reader.ts';
import { ObjectRows } from './object-rows.ts';
import { type ClientGuard, ObjectTargets } from './object-targets.ts';
import { ObjectUploads } from './object-uploads.ts';
import { StoredObjects } from './stored-objects.ts';
import { TieredSegmentStore } from './tiered-segment-store.ts';

/** Folder of the cache, below the data folder. */
export const OBJECT_CACHE = 'object-cache';

/** Options of {@link openTieredStore}. */
interface OpenTieredOptions extends Pick<ObjectReaderOptions, 'fetched' | 'failed' | 'openBreaker'> {
  /** Closed with the result. */
  readonly local: SegmentStore;
  /** The databases of the rows. */
  readonly metadata: Pick<Store, 'db' | 'rows'>;
  readonly fence: () => Fence;
  readonly nowMs: () => number;
  readonly targets: Readonly<Record<string, TargetConfig>>;
  /** No folder of a target may be in it. */
  readonly dataFolder: string;
  readonly cache: BlockFilesOptions;
  /** In front of the clients of the targets. */
  readonly guard?: ClientGuard | undefined;
}

/** The store with its parts. Disposing closes all. */
export interface TieredStore extends AsyncDisposable {
  readonly store: TieredSegmentStore;
  readonly index: StoredObjects;
  readonly uploads: ObjectUploads;
  readonly deletions: ObjectDeletions;
  readonly targets: ObjectTargets;
  readonly blocks: BlockFiles;
  readonly rewritten: RewrittenFiles;
}

/**
 * Opens the store. Undefined if there is no target, and no object in the index: then `local` is not closed.
 *
 * @throws OxbowError `bad-setting` if the folder of a target is in the data folder
 */
export async function openTieredStore(options: OpenTieredOptions): Promise<TieredStore | undefined> {
  const { local, metadata, fence, nowMs, dataFolder, cache, guard, fetched, failed, openBreaker } = options;
  const nowUs = () => Math.round(nowMs() * 1000);
  const rows = new ObjectRows(metadata, fence);
  const deletions = new ObjectDeletions(rows, nowUs);
  const uploads = new ObjectUploads(rows, nowUs, deletions);
  const index = new StoredObjects(rows, nowUs, deletions);
  const targets = new ObjectTargets(options.targets, guard);
  if (targets.names.length === 0 && (await index.isEmpty())) return undefined;
  for (const name of targets.names) {
    const { type, path } = targets.find(name)!;
    if (type === 'folder') await assertApart(name, path, dataFolder);
  }
  const blocks = await BlockFiles.open(cache);
  const clientOf = (target: string) => targets.client(target);
  // A file of another disk need not be copied to this one.
  const keeps = (target: string) => targets.find(target)?.type !== 'folder';
  const reader = new ObjectReader({
    clientOf,
    blocks,
    keeps,
    ...(fetched && { fetched }),
    ...(failed && { failed }),
    ...(openBreaker && { openBreaker }),
  });
  const rewritten = new RewrittenFiles();
  const store = new TieredSegmentStore({ local, objects: index, reader, rewritten });
  return {
    store,
    index,
    uploads,
    deletions,
    targets,
    blocks,
    rewritten,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await targets[Symbol.asyncDispose]();
    },
  };
}

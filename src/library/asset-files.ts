/**
 * Deletes the files of assets that were deleted for good; in a cluster at every node, also at one that does
 * not run now.
 * In: the rows of assets that were removed, the files. Out: deletions. docs/decisions/0055.
 */
import { ASSETS, assetPrefix } from '../archive/asset-locations.ts';
import type { SegmentPrefix, SegmentStore } from '../archive/segment-store.ts';
import type { Placement } from '../cluster/placement/placement.ts';
import type { Clock } from '../lib/clock.ts';
import type { AssetTable } from './asset-table.ts';

/** Bytes of a deleted asset stay for this long: no player receives half a segment. */
const GRACE_MS = 60_000;

/** Dependencies of the deletions. */
export interface AssetFilesOptions {
  readonly table: Pick<AssetTable, 'removedBefore' | 'forgetRemoved'>;
  readonly clock: Clock;
  readonly segments: Pick<SegmentStore, 'delete'>;
  /** Who owns which asset; by default this process. */
  readonly placement?: Pick<Placement, 'node' | 'claim' | 'give' | 'forget'>;
  /**
   * In a cluster: deletes everything with a prefix at all nodes that run, and returns the others, which may
   * have such files too. By default `segments` has all.
   */
  readonly deleteAtNodes?: ((prefix: SegmentPrefix) => Promise<readonly string[]>) | undefined;
  /** Closes readers of files that are deleted. */
  readonly release?: (prefix: SegmentPrefix) => void;
}

/**
 * Deletes the files of assets whose time has come. Files of unknown assets are never touched. What a node has
 * that does not run now is left to it: it becomes the owner of the rest, and continues when it is back.
 */
export async function deleteRemovedFiles(options: AssetFilesOptions): Promise<void> {
  const { table, clock, segments, release, placement, deleteAtNodes } = options;
  for (const id of await table.removedBefore(dueUs(clock), placement?.node)) {
    const prefix = assetPrefix(id);
    release?.(prefix);
    const [left] = deleteAtNodes ? await deleteAtNodes(prefix) : await segments.delete(prefix).then(() => []);
    release?.(prefix); // again: a reader may have opened one in between
    if (placement && left !== undefined) {
      if ((await placement.claim('asset', id)) === 'own') await placement.give('asset', id, left);
      continue;
    }
    await table.forgetRemoved(id);
    await placement?.forget('asset', id);
  }
}

/**
 * Deletes files that a node of a cluster still has of assets that were deleted while it did not run,
 * whichever node the rest is left to.
 *
 * @param files only of this node
 */
export async function deleteLeftFiles(
  files: Pick<SegmentStore, 'folders' | 'delete'>,
  { table, clock }: Pick<AssetFilesOptions, 'table' | 'clock'>,
): Promise<void> {
  const here = new Set(await files.folders(ASSETS));
  for (const id of await table.removedBefore(dueUs(clock))) if (here.has(id)) await files.delete(assetPrefix(id));
}

const dueUs = (clock: Clock): number => (clock.nowMs() - GRACE_MS) * 1000;

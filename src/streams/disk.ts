/**
 * Watches the disk that recordings lie on.
 * In: statfs every few seconds. Out: free and total bytes, and whether there is room to record.
 */
import { statfs } from 'node:fs/promises';
import { sleep } from '../lib/abort.ts';

const EVERY_MS = 5000;
/** Free space below which nothing is recorded where the settings name none: 1 GiB or 2 % of the disk, whichever is less. */
const DEFAULT_MIN_FREE = 1024 ** 3;
const DEFAULT_MIN_SHARE = 0.02;

/** What is known of the disk. Bytes. */
export interface Disk {
  readonly free: number;
  readonly total: number;
  readonly hasRoom: boolean;
}

/** Looks at the disk once. */
async function look(folder: string, minFree: number | undefined): Promise<Disk> {
  const { bavail, blocks, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const total = blocks * bsize;
  const least = minFree ?? Math.min(DEFAULT_MIN_FREE, total * DEFAULT_MIN_SHARE);
  return { free, total, hasRoom: free > least };
}

/**
 * Watches until aborted.
 *
 * @param minFree tells, at each look, how many bytes shall stay free; undefined: a share of the disk
 * @param options.looked told of each look
 * @param options.changed told when there is no room any more, and when there is again; at once where there is none
 * @returns the newest look, and the end of watching
 */
export async function watchDisk(
  folder: string,
  minFree: () => number | undefined,
  {
    signal,
    failed,
    looked,
    changed,
  }: {
    signal: AbortSignal;
    failed: (error: unknown) => void;
    looked?: (disk: Disk) => void;
    changed?: (disk: Disk) => void;
  },
): Promise<{ readonly now: () => Disk; readonly done: Promise<void> }> {
  let newest = await look(folder, minFree());
  looked?.(newest);
  if (!newest.hasRoom) changed?.(newest);
  const watch = async () => {
    while (!signal.aborted) {
      await sleep(EVERY_MS, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const before = newest;
      newest = await look(folder, minFree()).catch((error: unknown) => {
        failed(error);
        return newest;
      });
      looked?.(newest);
      if (newest.hasRoom !== before.hasRoom) changed?.(newest);
    }
  };
  return { now: () => newest, done: watch() };
}

/**
 * Watches the disk that recordings lie on.
 * In: statfs every few seconds. Out: free and total bytes, and whether there is room to record.
 */
import { statfs } from 'node:fs/promises';
import { sleep } from '../lib/abort.ts';
import type { Current } from '../lib/current.ts';
import { OxbowError } from '../lib/errors.ts';

const EVERY_MS = 5000;
/** Free space below which nothing is recorded where the settings name none: 1 GiB or 2 % of the disk, whichever is less. */
const DEFAULT_MIN_FREE = 1024 ** 3;
const DEFAULT_MIN_SHARE = 0.02;

/** What is known of the disk. Bytes. */
export interface Disk {
  readonly free: number;
  readonly total: number;
  /** Least that stays free: `record.minFree`, or a share of the disk. */
  readonly least: number;
  readonly hasRoom: boolean;
}

/** Why nothing is recorded, for anyone: with the setting that decides, without figures. */
export const NO_ROOM = 'Nothing is recorded: less is free on the disk than record.minFree (--min-free) keeps.';

/** What is free, for the operator; where there is no room, why nothing is recorded, with the setting that decides. */
export function describeDisk({ free, total, least, hasRoom }: Disk): string {
  const gb = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  const share = `${gb(free)} of ${gb(total)} are free`;
  return hasRoom ? share : `nothing is recorded: ${share}, and record.minFree (--min-free) keeps ${gb(least)} free`;
}

/**
 * The health check of the disk: what is free.
 *
 * @throws OxbowError `not-ready` where there is no room to record
 */
export function checkDisk(disk: Disk): string {
  if (!disk.hasRoom) throw new OxbowError('not-ready', describeDisk(disk));
  return describeDisk(disk);
}

/**
 * Free space below which nothing is recorded, bytes.
 *
 * @param minFree the setting; undefined where it is not set
 * @param total size of the disk, bytes
 */
export function minFreeBytes(minFree: number | undefined, total: number): number {
  return minFree ?? Math.min(DEFAULT_MIN_FREE, total * DEFAULT_MIN_SHARE);
}

/** Looks at the disk once. */
async function look(folder: string, minFree: number | undefined): Promise<Disk> {
  const { bavail, blocks, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const total = blocks * bsize;
  const least = minFreeBytes(minFree, total);
  return { free, total, least, hasRoom: free > least };
}

/**
 * Watches until aborted.
 *
 * @param settings `record.minFree`: bytes that stay free; undefined: a share of the disk
 * @param options.looked told of each look
 * @param options.changed told when there is no room any more, and when there is again; at once where there is none
 * @returns the newest look, and the end of watching
 */
export async function watchDisk(
  folder: string,
  settings: Current<{ readonly record: { readonly minFree: number | undefined } }>,
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
  let newest = await look(folder, settings.now.record.minFree);
  looked?.(newest);
  if (!newest.hasRoom) changed?.(newest);
  const watch = async () => {
    while (!signal.aborted) {
      await sleep(EVERY_MS, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const before = newest;
      newest = await look(folder, settings.now.record.minFree).catch((error: unknown) => {
        failed(error);
        return newest;
      });
      looked?.(newest);
      if (newest.hasRoom !== before.hasRoom) changed?.(newest);
    }
  };
  return { now: () => newest, done: watch() };
}

/**
 * Watches the disk of the data folder.
 * In: statfs every few seconds. Out: free and total bytes, and whether there is room to record.
 */
import { statfs } from 'node:fs/promises';
import { sleep } from '../lib/abort.ts';
import type { Current } from '../lib/current.ts';
import { OxbowError, sentenceOf } from '../lib/errors.ts';

const EVERY_MS = 5000;
/** Default of `record.minFree`: 1 GiB or 2 % of the disk, whichever is smaller. */
const DEFAULT_MIN_FREE = 1024 ** 3;
const DEFAULT_MIN_SHARE = 0.02;

/** Space on the disk. Bytes. */
export interface Disk {
  readonly free: number;
  readonly total: number;
  /** Least free space: `record.minFree` or its default. */
  readonly least: number;
  readonly hasRoom: boolean;
}

/** Why recording is paused, for viewers: names the setting, without figures. */
export const NO_ROOM = 'Recording is paused: the free disk space is below record.minFree (--min-free).';

/**
 * Why segments are lost although there is room, for viewers: names the setting, without paths. The log has
 * the error.
 */
export const WRITE_FAILS = 'Recording fails: the disk of the data folder (--data) is full, broken or read-only.';

/** The free space, for administrators; if recording is paused, also the reason. */
export function describeDisk({ free, total, least, hasRoom }: Disk): string {
  const gb = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  const share = `${gb(free)} of ${gb(total)} are free`;
  return hasRoom ? share : `recording is paused: ${share}, record.minFree (--min-free) is ${gb(least)}`;
}

/**
 * The health check of the disk: describes the free space.
 *
 * @param streams problems of streams, `WRITE_FAILS` among others
 * @throws OxbowError `not-ready` while recording is paused or fails
 */
export function checkDisk(disk: Disk, streams: readonly { readonly problem: string }[]): string {
  const space = describeDisk(disk);
  if (!disk.hasRoom) throw new OxbowError('not-ready', sentenceOf(space));
  if (streams.some(({ problem }) => problem.includes(WRITE_FAILS))) {
    throw new OxbowError('not-ready', `${WRITE_FAILS} The log has the error; ${space}.`);
  }
  return space;
}

/**
 * Free space below which recording pauses, bytes.
 *
 * @param minFree the setting; undefined if not set
 * @param total size of the disk, bytes
 */
export function minFreeBytes(minFree: number | undefined, total: number): number {
  return minFree ?? Math.min(DEFAULT_MIN_FREE, total * DEFAULT_MIN_SHARE);
}

/** Measures the disk once. */
async function measure(folder: string, minFree: number | undefined): Promise<Disk> {
  const { bavail, blocks, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const total = blocks * bsize;
  const least = minFreeBytes(minFree, total);
  return { free, total, least, hasRoom: free > least };
}

/**
 * Watches until aborted.
 *
 * @param settings `record.minFree`: bytes; undefined: the default
 * @param options.onMeasured called with each measurement
 * @param options.onChanged called when `hasRoom` changes; at once if it is false
 * @returns the last measurement; `done` resolves when watching has ended
 */
export async function watchDisk(
  folder: string,
  settings: Current<{ readonly record: { readonly minFree: number | undefined } }>,
  {
    signal,
    failed,
    onMeasured,
    onChanged,
  }: {
    signal: AbortSignal;
    failed: (error: unknown) => void;
    onMeasured?: (disk: Disk) => void;
    onChanged?: (disk: Disk) => void;
  },
): Promise<{ readonly now: () => Disk; readonly done: Promise<void> }> {
  let newest = await measure(folder, settings.now.record.minFree);
  onMeasured?.(newest);
  if (!newest.hasRoom) onChanged?.(newest);
  const watch = async () => {
    while (!signal.aborted) {
      await sleep(EVERY_MS, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const before = newest;
      newest = await measure(folder, settings.now.record.minFree).catch((error: unknown) => {
        failed(error);
        return newest;
      });
      onMeasured?.(newest);
      if (newest.hasRoom !== before.hasRoom) onChanged?.(newest);
    }
  };
  return { now: () => newest, done: watch() };
}

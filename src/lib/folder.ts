/**
 * Creates and syncs folders.
 * In: a path. Out: a folder, or the system's error. `mkdir` with `recursive` never ends where the system reports ENOENT below an
 * existing folder, as below /proc.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isWindows } from './platform.ts';

/** Recordings and secrets are only for the user that runs oxbow. */
const OWNER_ONLY = 0o700;

/**
 * Creates `folder` if it is missing, for its owner only; parent folders with the default mode.
 *
 * @param mode rights, less those of the umask
 * @throws the system's error, with its code, if it cannot be created or is not a folder
 */
export function makeFolder(folder: string, mode = OWNER_ONLY): void {
  try {
    mkdirSync(folder, mode);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(folder).isDirectory()) return;
    const above = dirname(folder);
    if (code !== 'ENOENT' || existsSync(above)) throw error;
    makeFolder(above, 0o777);
    mkdirSync(folder, mode);
  }
}

/** Like `syncFolder`, asynchronously. */
export async function syncNames(folder: string): Promise<void> {
  if (isWindows) return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Syncs a folder, so that a rename survives a power failure. No effect on Windows. */
export function syncFolder(folder: string): void {
  if (isWindows) return;
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

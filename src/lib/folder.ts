/**
 * Folders: made with those above them; synced.
 * In: a path. Out: a folder, or the system's error. `mkdir` with `recursive` goes round for ever where the system says that
 * something is missing below a folder that exists, as it does below /proc.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isWindows } from './platform.ts';

/** Recordings and secrets are for the user that runs oxbow alone. */
const OWNER_ONLY = 0o700;

/**
 * Makes `folder` where it is missing, for its owner alone; folders above it as the system makes them.
 *
 * @param mode rights, less those of the umask
 * @throws the system's error, with its code, when it cannot be made or is no folder
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

/** As `syncFolder`, without holding the process up while the disk writes. */
export async function syncNames(folder: string): Promise<void> {
  if (isWindows) return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes a folder's list of names to the disk, so that a rename survives a power cut. Windows, which knows no such thing, does nothing. */
export function syncFolder(folder: string): void {
  if (isWindows) return;
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

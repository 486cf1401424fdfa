/**
 * Creates and syncs folders.
 * In: a path. Out: a folder, or the system's error. `mkdir` with `recursive` never ends where the system
 * reports ENOENT below an existing folder, as below /proc.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Files } from './files.ts';

/** Recordings and secrets are only for the user that runs oxbow. */
const OWNER_ONLY = 0o700;

/**
 * Creates `folder` if it is missing, for its owner only; parent folders with the default mode. For data
 * folders, before there is anything in them.
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

/**
 * Puts the names of a new file and of the folders created for it on the disk.
 *
 * @param folder that of the file
 * @param firstMade the first of these folders, as `mkdir` returns it; undefined if there was none
 */
export async function syncFolders(files: Files, folder: string, firstMade: string | undefined): Promise<void> {
  // The parent of the first new folder holds the first new name.
  const last = firstMade === undefined ? folder : dirname(firstMade);
  for (let at = folder; ; at = dirname(at)) {
    await files.syncFolder(at);
    if (at === last || at === dirname(at)) return;
  }
}

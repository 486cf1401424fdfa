/**
 * Folders: made with those above them; synced; whose files belong to whom.
 * In: a path. Out: a folder, or the system's error. `mkdir` with `recursive` goes round for ever where the system says that
 * something is missing below a folder that exists, as it does below /proc.
 */
import { chownSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes `folder` where it is missing.
 *
 * @throws the system's error, with its code, when it cannot be made or is no folder
 */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(folder).isDirectory()) return;
    const above = dirname(folder);
    if (code !== 'ENOENT' || existsSync(above)) throw error;
    makeFolder(above);
    mkdirSync(folder);
  }
}

/** Writes a folder's list of names to the disk, so that a rename survives a power cut. Windows, which knows no such thing, does nothing. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** What root puts into another user's folder belongs to that user, who else could not use it. Anyone but root gives nothing away. */
export function giveToFolderOwner(file: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(file));
  chownSync(file, uid, gid);
}

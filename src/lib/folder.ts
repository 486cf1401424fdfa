/**
 * Folders: made with those above them; synced.
 * In: a path. Out: a folder, or the system's error. `mkdir` with `recursive` goes round for ever where the system says that
 * something is missing below a folder that exists, as it does below /proc.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { isWindows } from './platform.ts';

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
  if (isWindows) return;
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

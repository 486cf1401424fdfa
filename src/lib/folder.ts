/**
 * Makes a folder and those above it, and always returns.
 * In: a path. Out: a folder, or the system's error. `mkdir` with `recursive` goes round for ever where the system says that
 * something is missing below a folder that exists, as it does below /proc.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs';
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

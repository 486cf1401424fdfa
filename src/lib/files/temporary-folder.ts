/**
 * The folder of temporary files of this process, of its threads and of the programs that it starts.
 * In: a folder. Out: the variables that `os.tmpdir` and other programs read. Call it before threads
 * and programs start: each has a copy of the variables.
 */
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isWindows } from '../platform.ts';
import { systemFiles } from './files.ts';

/** Uses a folder from now on. @param folder relative to the current one; empty: that of the system stays */
export function useTemporaryFolder(folder: string): void {
  if (folder === '') return;
  for (const name of isWindows ? ['TEMP', 'TMP'] : ['TMPDIR']) process.env[name] = resolve(folder);
}

/**
 * Creates a folder in a folder of temporary files, and removes it.
 *
 * @param folder relative to the current one; empty: the one in use
 * @returns its absolute path
 * @throws the error of the system: `ENOENT`, `ENOTDIR`, `EACCES`, `EROFS`, `ENOSPC`
 */
export async function tryTemporaryFolder(folder: string): Promise<string> {
  const path = folder === '' ? tmpdir() : resolve(folder);
  const trial = await systemFiles.mkdtemp(join(path, 'oxbow-trial-'));
  await systemFiles.rmdir(trial);
  return path;
}

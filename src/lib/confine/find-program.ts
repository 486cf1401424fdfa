/**
 * Finds a program as the system would, before it is started in another folder and through other programs.
 * In: a path, or a name. Out: an absolute path.
 */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join, resolve, sep } from 'node:path';
import { isWindows } from '../platform.ts';

/**
 * The path of a program. On Windows a name stays as it is: the system also tries several endings.
 *
 * @param program a path, relative to the current folder, or a name that is looked up in PATH
 * @throws the error of the system: `ENOENT`, `EACCES`
 */
export async function findProgram(program: string): Promise<string> {
  if (isAbsolute(program) || program.includes(sep)) {
    const path = resolve(program);
    await access(path, constants.X_OK);
    return path;
  }
  if (isWindows) return program;
  let failure: unknown = Object.assign(new Error(`${program} is not in PATH`), { code: 'ENOENT' });
  for (const folder of (process.env.PATH ?? '').split(delimiter).filter((entry) => entry !== '')) {
    const path = join(resolve(folder), program);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EACCES') failure = error;
    }
  }
  throw failure;
}

/**
 * Checks the settings that name programs and folders of this machine: a start with a wrong one ends at once.
 * In: settings. Out: problems.
 */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { findProgram } from '../../lib/confine/find-program.ts';
import { tryTemporaryFolder } from '../../lib/files/temporary-folder.ts';
import { isLinux } from '../../lib/platform.ts';
import type { Config } from '../schema.ts';

/** A setting that this machine does not fit. */
interface PathProblem {
  /** Of the setting. */
  readonly path: string;
  /** What is wrong with its value, and what to do; without a full stop. */
  readonly message: string;
}

/** The default of `pages.ytDlp`: only pages with a video need it, so it may be missing. */
const OPTIONAL = 'yt-dlp';

/** Checks the programs and the folder of temporary files that are set. Never rejects. */
export async function findPathProblems({
  temporaryFolder,
  children,
  pages,
}: Pick<Config, 'temporaryFolder' | 'children' | 'pages'>): Promise<readonly PathProblem[]> {
  const limits = (['prlimit', 'setpriv', 'unshare'] as const).filter((name) => isLinux && children[name] !== '');
  const checks = [
    ...(temporaryFolder === '' ? [] : [checkFolder(temporaryFolder)]),
    ...limits.map((name) => checkProgram(`children.${name}`, children[name], checkFile)),
    ...(pages.ytDlp === OPTIONAL ? [] : [checkProgram('pages.ytDlp', pages.ytDlp, findProgram)]),
  ];
  return (await Promise.all(checks)).filter((problem) => problem !== undefined);
}

async function checkFolder(folder: string): Promise<PathProblem | undefined> {
  try {
    await tryTemporaryFolder(folder);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason =
      code === 'ENOENT' ? 'does not exist' : code === 'ENOTDIR' ? 'is not a folder' : `is not writable (${code})`;
    const message = `"${folder}" ${reason}; name a folder that oxbow may write`;
    return { path: 'temporaryFolder', message };
  }
}

async function checkProgram(
  path: string,
  program: string,
  find: (program: string) => Promise<unknown>,
): Promise<PathProblem | undefined> {
  try {
    await find(program);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' || code === 'ENOTDIR' ? 'does not exist' : 'is not executable';
    return { path, message: `"${program}" ${reason}; name a program, or leave the setting out` };
  }
}

/** @throws the error of the system */
async function checkFile(path: string): Promise<void> {
  await access(path, constants.X_OK);
  if (!(await stat(path)).isFile()) throw Object.assign(new Error(`${path} is not a file`), { code: 'EACCES' });
}

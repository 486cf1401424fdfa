/**
 * Where the files of the program are: those of its threads and processes, and those that it reads.
 * In: a path. Out: its address, in the working tree and in the published package.
 */
import { isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';

/** TypeScript in the working tree, JavaScript in the published package. */
const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

/** Whether this oxbow runs from a working tree. */
export const isWorkingTree: boolean = ending === '.ts';

/** src/, or dist/src/: there this module is part of a file of that folder (scripts/build-dist.mjs). */
const folder = new URL(isWorkingTree ? '..' : '.', import.meta.url);

/**
 * The address of a program for a thread or a process.
 *
 * @param path below src/ without its ending, e.g. `store/sqlite/worker`; scripts/build-dist.mjs must list it
 */
export const startedFile = (path: string): URL => new URL(`${path}${ending}`, folder);

/**
 * The address of another file of the package.
 *
 * @param path e.g. `package.json`
 */
export const packageFile = (path: string): URL => new URL(`../${path}`, folder);

/**
 * The launcher of this oxbow: the single executable, or bin/oxbow, which is next to dist/ in the published
 * package.
 */
export const launcherPath: string = isSea()
  ? process.execPath
  : fileURLToPath(new URL(isWorkingTree ? '../bin/oxbow' : '../../bin/oxbow', folder));

/** Whether this oxbow is found in the search path. */
export const isInstalled: boolean = !isWorkingTree && !isSea();

/**
 * The command that runs a file of this program in a separate process. The single executable takes flags in
 * one argument, and the file as its first argument (bin/single-executable.cjs).
 *
 * @param flags of Node, without spaces
 */
export function nodeCommand(flags: readonly string[], file: string): readonly [string, ...string[]] {
  if (!isSea()) return [process.execPath, ...flags, file];
  return [process.execPath, `--node-options=${flags.join(' ')}`, file];
}

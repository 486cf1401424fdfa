/**
 * Read access to files of the operating system; tests pass another one.
 * In: paths. Out: text and names.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Files of the operating system. */
export interface Machine {
  /** Text of a file, undefined if it is missing or not readable. */
  read(path: string): string | undefined;
  exists(path: string): boolean;
  /** Names in a folder; none if it is missing. */
  list(path: string): readonly string[];
}

/** The machine of this process. */
export const thisMachine: Machine = {
  read: (path) => orNothing(() => readFileSync(path, 'utf8')),
  exists: existsSync,
  list: (path) => orNothing(() => readdirSync(path)) ?? [],
};

/** Returns undefined instead of an exception. */
function orNothing<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

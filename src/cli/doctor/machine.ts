/**
 * What the operating system tells of itself in files; handed in, so that a check can be tried without a machine that is so.
 * In: paths. Out: text and names. Nothing is changed.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Files of the system. */
export interface Machine {
  /** The text of a file, undefined where it is missing or may not be read. */
  read(path: string): string | undefined;
  exists(path: string): boolean;
  /** Names in a folder, none where it is missing. */
  list(path: string): readonly string[];
}

/** The machine that this process runs on. */
export const thisMachine: Machine = {
  read: (path) => orNothing(() => readFileSync(path, 'utf8')),
  exists: existsSync,
  list: (path) => orNothing(() => readdirSync(path)) ?? [],
};

/** A file that the system does not have tells as little as one that may not be read. */
function orNothing<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

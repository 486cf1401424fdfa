/**
 * Small files of the data folder with a state in JSON, which is replaced as a whole.
 * In: values. Out: the last one that was written. A file that cannot be parsed is as none.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** Reads a state; undefined if there is none, or if a crash of the system tore it. */
export function readStateFile(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Replaces a state. @throws the system's error */
export function writeStateFile(file: string, state: unknown): void {
  const unfinished = `${file}.part`;
  writeFileSync(unfinished, `${JSON.stringify(state)}\n`, { mode: 0o600 });
  renameSync(unfinished, file);
}

/** Deletes a state, if there is one. */
export function removeStateFile(file: string): void {
  rmSync(file, { force: true });
}

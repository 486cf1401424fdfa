/**
 * The files of a database are readable only by the user that runs oxbow: they contain camera passwords and
 * webhook secrets.
 * In: the path of a database. Out: paths; an empty file with mode 0600.
 */
import { closeSync, existsSync, openSync } from 'node:fs';

/** The database and the files of SQLite next to it, which get the same mode. */
export function databaseFiles(file: string): readonly string[] {
  return [file, `${file}-wal`, `${file}-shm`];
}

/** Creates an empty file, readable by its owner only, unless it exists. */
export function createPrivateFile(file: string): void {
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600));
}

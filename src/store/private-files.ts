/**
 * The files of a database, for the user that runs oxbow alone: cameras' passwords and webhooks' secrets are in it.
 * In: the database's path. Out: paths; an empty file with its rights.
 */
import { closeSync, existsSync, openSync } from 'node:fs';

/** The database, and what SQLite keeps beside it with the same rights. */
export function databaseFiles(file: string): readonly string[] {
  return [file, `${file}-wal`, `${file}-shm`];
}

/** Makes an empty file for its owner alone where there is none. */
export function createPrivateFile(file: string): void {
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600));
}

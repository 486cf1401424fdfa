/**
 * Stores the addresses of a running server in its data folder, so that other commands find it by the folder.
 * In: the addresses. Out: `running.json`, read by another process.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { messageOf, OxbowError } from '../lib/errors.ts';
import { type Files, systemFiles } from '../lib/files/files.ts';
import { replaceFile } from '../lib/files/replace-file.ts';
import { LOCK_FILE, RUNNING_FILE } from './file-names.ts';
import { sqliteCode } from './sqlite/sqlite-code.ts';

/** A server that holds a data folder. */
export interface RunningInstance {
  /** Process id; may differ in another container. */
  readonly pid: number;
  /** RFC 3339. */
  readonly startedAt: string;
  /** Local address, without a trailing slash. */
  readonly http: string;
  /** Setting `publicUrl`, without a trailing slash. */
  readonly publicUrl?: string;
}

/**
 * Writes the file, readable by this user only. Call it with the lock held and the ports open. Dispose removes it.
 *
 * @param folder the data folder
 */
export async function announceRunning(
  folder: string,
  instance: RunningInstance,
  files: Files = systemFiles,
): Promise<AsyncDisposable> {
  const file = join(folder, RUNNING_FILE);
  await replaceFile(files, file, Buffer.from(`${JSON.stringify(instance)}\n`), { mode: 0o600 });
  return { [Symbol.asyncDispose]: () => files.rm(file, { force: true }) };
}

/**
 * The server that is using a data folder. Creates no file; ignores a file left by a killed server.
 *
 * @returns undefined if no process holds the lock, or it has no open port
 * @throws OxbowError `folder-unwritable` if this user cannot read the files
 */
export function findRunning(folder: string): RunningInstance | undefined {
  try {
    const file = join(folder, RUNNING_FILE);
    if (!existsSync(file) || !isLocked(folder)) return undefined;
    return JSON.parse(readFileSync(file, 'utf8')) as RunningInstance;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined; // it has just ended
    throw new OxbowError('folder-unwritable', `${folder} cannot be read: ${messageOf(error)}`, {
      cause: error,
      extra: { hint: 'Run it as the user that oxbow runs as, or as root.' },
    });
  }
}

/** Whether a process holds the lock of a data folder. Creates no file. Not for the process that holds it. */
export function isLocked(folder: string): boolean {
  const file = join(folder, LOCK_FILE);
  if (!existsSync(file)) return false;
  const db = new DatabaseSync(file, { readOnly: true, timeout: 0 });
  try {
    db.prepare('SELECT count(*) FROM sqlite_schema').get(); // needs only a shared lock
    return false;
  } catch (error) {
    if (sqliteCode(error) === 'busy') return true;
    throw error;
  } finally {
    db.close();
  }
}

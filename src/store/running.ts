/**
 * The file beside the lock that says where the oxbow of a data folder answers, so that other verbs find it with the folder alone.
 * In: the addresses of a running server. Out: `running.json`; the same read back by another process.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { messageOf, OxbowError } from '../lib/errors.ts';
import { LOCK_FILE, RUNNING_FILE } from './file-names.ts';
import { sqliteCode } from './sqlite-code.ts';

/** A server that holds a data folder. */
export interface RunningInstance {
  /** Of its process; another container may count processes differently. */
  readonly pid: number;
  /** RFC 3339. */
  readonly startedAt: string;
  /** Where it answers on this computer, without a slash at the end. */
  readonly http: string;
  /** Its setting `publicUrl`, without a slash at the end. */
  readonly publicUrl?: string;
}

/**
 * Writes the file, readable by this user only. Call it with the lock held and the ports open. Dispose removes it.
 *
 * @param folder the data folder
 */
export function announceRunning(folder: string, instance: RunningInstance): Disposable {
  const file = join(folder, RUNNING_FILE);
  const unfinished = `${file}.part`;
  rmSync(unfinished, { force: true }); // its mode would be kept
  writeFileSync(unfinished, `${JSON.stringify(instance)}\n`, { mode: 0o600 });
  renameSync(unfinished, file);
  return { [Symbol.dispose]: () => rmSync(file, { force: true }) };
}

/**
 * The server that holds a data folder now. Nothing is created, and a file that a killed server left behind does not count.
 *
 * @returns undefined where no process holds the lock, or the one that does has no open port
 * @throws OxbowError `folder-unwritable` where this user may not read the files
 */
export function findRunning(folder: string): RunningInstance | undefined {
  try {
    const file = join(folder, RUNNING_FILE);
    if (!existsSync(file) || !isLocked(folder)) return undefined;
    return JSON.parse(readFileSync(file, 'utf8')) as RunningInstance;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined; // it ended just now
    throw new OxbowError('folder-unwritable', `${folder} cannot be read: ${messageOf(error)}`, {
      cause: error,
      extra: { hint: 'Run it as the user that oxbow runs as, or as root.' },
    });
  }
}

/** Whether an oxbow holds the lock of a data folder. Nothing is created. Not for the server that holds it. */
export function isLocked(folder: string): boolean {
  const file = join(folder, LOCK_FILE);
  if (!existsSync(file)) return false;
  const db = new DatabaseSync(file, { readOnly: true, timeout: 0 });
  try {
    db.prepare('SELECT count(*) FROM sqlite_schema').get(); // needs a shared lock, nothing else
    return false;
  } catch (error) {
    if (sqliteCode(error) === 'busy') return true;
    throw error;
  } finally {
    db.close();
  }
}

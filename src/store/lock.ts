/**
 * Locks a data folder for one process. The system releases the lock when the process ends, also by a crash.
 * In: the data folder. Out: a held lock, or an error.
 */
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { messageOf, OxbowError } from '../lib/errors.ts';
import { makeFolder } from '../lib/files/folder.ts';
import { LEFT_FILE, LOCK_FILE, RUNNING_FILE } from './file-names.ts';
import { sqliteCode } from './sqlite/sqlite-code.ts';

const LOCK_WAIT_MS = 100;

/**
 * Locks the data folder; creates it if it is missing. Dispose or the end of the process releases the lock.
 * Do not open `lock.db` elsewhere in this process: closing a second descriptor would free the lock.
 *
 * @param folder absolute path
 * @throws OxbowError `data-in-use` while another process holds it, `folder-unwritable` if it cannot be
 *   created
 */
export function lockDataFolder(folder: string): Disposable {
  const file = join(folder, LOCK_FILE);
  let db: DatabaseSync | undefined;
  try {
    makeFolder(folder);
    // Waits for a command that only checks the lock.
    db = new DatabaseSync(file, { timeout: LOCK_WAIT_MS });
    // Never committed: the open transaction is the lock.
    db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    keepLeft(folder);
  } catch (error) {
    db?.close();
    if (sqliteCode(error) === 'busy') {
      throw new OxbowError('data-in-use', `Another oxbow runs on ${folder}.`, { cause: error });
    }
    throw new OxbowError('folder-unwritable', `Cannot lock ${file}: ${messageOf(error)}.`, { cause: error });
  }
  const held = db;
  return {
    [Symbol.dispose]() {
      if (held.isOpen) held.close();
    },
  };
}

/**
 * The addresses of a server that was killed are no addresses any more, but the next start reports that it was
 * killed.
 */
function keepLeft(folder: string): void {
  try {
    renameSync(join(folder, RUNNING_FILE), join(folder, LEFT_FILE));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; // the last one ended in order
  }
}

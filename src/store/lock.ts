/**
 * One oxbow per data folder. The lock is one that the system takes back when the process ends, however it ends.
 * In: the data folder. Out: a held lock, or a refusal that says what to do.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { messageOf, OxbowError } from '../lib/errors.ts';
import { makeFolder } from '../lib/folder.ts';
import { LOCK_FILE, RUNNING_FILE } from './file-names.ts';
import { sqliteCode } from './sqlite-code.ts';

const LOCK_WAIT_MS = 100;

/**
 * Takes the data folder for this process; makes it where it is missing. Released by dispose, or by the end of the process.
 * Nothing else may open `lock.db`: closing a second descriptor of it would free the lock.
 *
 * @param folder absolute path
 * @throws OxbowError `data-in-use` while another process holds it, `folder-unwritable` where it cannot be made
 */
export function lockDataFolder(folder: string): Disposable {
  const file = join(folder, LOCK_FILE);
  let db: DatabaseSync | undefined;
  try {
    makeFolder(folder);
    // Waits for a verb that only looks whether the lock is free.
    db = new DatabaseSync(file, { timeout: LOCK_WAIT_MS });
    // Never committed: the open transaction is the lock, and nothing is ever written.
    db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    rmSync(join(folder, RUNNING_FILE), { force: true }); // of a server that was killed
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

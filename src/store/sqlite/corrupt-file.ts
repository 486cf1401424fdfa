/**
 * Finds out whether a database file is corrupt, however large it is; a start checks only small ones.
 * In: a file that no process uses. Out: its state.
 */
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { OxbowError } from '../../lib/errors.ts';
import { sqliteCode } from './sqlite-code.ts';

/** How long it waits for another program that has the file locked, ms. */
const WAIT_MS = 5000;

/**
 * Checks the whole database.
 *
 * @throws OxbowError `data-in-use` if another program has it locked
 */
export function checkDatabaseFile(file: string): 'intact' | 'missing' | 'corrupt' {
  if (!existsSync(file)) return 'missing';
  return isIntact(file) ? 'intact' : 'corrupt';
}

function isIntact(file: string): boolean {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { timeout: WAIT_MS });
    return db.prepare('PRAGMA quick_check(1)').get()!.quick_check === 'ok';
  } catch (error) {
    const code = sqliteCode(error);
    if (code === 'corrupt') return false;
    if (code === 'busy') throw new OxbowError('data-in-use', `Another program has locked ${file}.`, { cause: error });
    throw error;
  } finally {
    db?.close();
  }
}

/**
 * Finds out whether a database file is corrupt, however large it is; a start looks at small ones alone.
 * In: a file that no process uses. Out: its new name, if it was moved aside.
 */
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { OxbowError } from '../../lib/errors.ts';
import { moveAside } from './sqlite.ts';
import { sqliteCode } from './sqlite-code.ts';

/** How long it waits for another program that has the file locked, ms. */
const WAIT_MS = 5000;

/**
 * Checks the whole database, and moves it aside if it is corrupt.
 *
 * @param options.dryRun moves nothing, and returns the file itself
 * @returns where it is now; undefined if it is intact, or not there
 * @throws OxbowError `data-in-use` if another program has it locked
 */
export async function moveAsideIfCorrupt(
  file: string,
  { nowMs, dryRun }: { readonly nowMs: number; readonly dryRun: boolean },
): Promise<string | undefined> {
  if (!existsSync(file) || isIntact(file)) return undefined;
  return dryRun ? file : moveAside(file, nowMs, 'corrupt');
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

/**
 * Reads a SQLite database of another program, without writing to it.
 * In: the path of a file. Out: rows of its tables as they are; importers parse them.
 */
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { messageOf, OxbowError } from '../../lib/errors.ts';

/** A table with more rows is refused: it is not the database of a small service. */
const MAX_ROWS = 1_000_000;

/** An open database of another program. */
interface ForeignDatabase extends Disposable {
  /** All rows of a table; empty if there is no such table. Blobs are Uint8Arrays. */
  rows(table: string): readonly Readonly<Record<string, unknown>>[];
}

/**
 * Opens a database read-only.
 *
 * @throws OxbowError `not-found` if there is no file, `bad-request` if it is not a SQLite database
 */
export function openForeignDatabase(path: string): ForeignDatabase {
  if (!existsSync(path)) throw new OxbowError('not-found', `There is no file ${path}.`);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { readOnly: true });
    db.prepare('SELECT name FROM sqlite_schema LIMIT 1').all();
  } catch (error) {
    db?.close();
    throw new OxbowError('bad-request', `${path} is not a SQLite database: ${messageOf(error)}.`, { cause: error });
  }
  const open = db;
  return {
    rows(table) {
      const isThere = open.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(table);
      if (!isThere) return [];
      const rows = open.prepare(`SELECT * FROM "${table.replaceAll('"', '""')}" LIMIT ${MAX_ROWS + 1}`).all();
      if (rows.length > MAX_ROWS) throw new OxbowError('bad-request', `${path} has too many rows in "${table}".`);
      return rows;
    },
    [Symbol.dispose]: () => open.close(),
  };
}

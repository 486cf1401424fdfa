/**
 * Classifies errors of SQLite.
 * In: an error of this thread or the database thread. Out: its kind. https://sqlite.org/rescode.html
 */

/** Kinds of errors that callers distinguish. */
type SqliteCode = 'busy' | 'corrupt' | 'full' | 'other';

/** The kind of an error of SQLite; undefined for other errors. */
export function sqliteCode(error: unknown): SqliteCode | undefined {
  const errcode = (error as { errcode?: unknown } | null | undefined)?.errcode;
  if (typeof errcode !== 'number') return undefined;
  // The low byte is the primary result code.
  switch (errcode & 0xff) {
    case 5:
    case 6:
      return 'busy';
    case 11:
    case 26:
      return 'corrupt';
    case 13:
      return 'full';
    default:
      return 'other';
  }
}

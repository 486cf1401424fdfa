/**
 * What kind of failure SQLite reported.
 * In: anything that was thrown, here or in the worker. Out: a word. https://sqlite.org/rescode.html
 */

/** Kinds that callers tell apart. */
export type SqliteCode = 'busy' | 'corrupt' | 'full' | 'other';

/** The kind of an error that SQLite gave; undefined for an error that is not SQLite's. */
export function sqliteCode(error: unknown): SqliteCode | undefined {
  const errcode = (error as { errcode?: unknown } | null | undefined)?.errcode;
  if (typeof errcode !== 'number') return undefined;
  // The low byte is the primary code, the rest says more exactly.
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

/**
 * The error codes of sealed hours, a part of the table of all errors.
 * In: nothing. Out: rows for lib/errors.ts.
 */

/** Keys are the stable codes. */
export const sealedRefusals = {
  'needs-duckdb': {
    status: 501,
    title: 'DuckDB is needed for this',
    hint: 'Request a shorter range, or install DuckDB on the server: `npm install @duckdb/node-api` in a folder, and `insight.duckdb` with its path.',
  },
} as const;

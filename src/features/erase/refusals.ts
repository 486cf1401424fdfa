/**
 * The error codes of deletions and legal holds, a part of the table of all errors.
 * In: nothing. Out: rows for lib/errors.ts.
 */

/** Keys are the stable codes. */
export const eraseRefusals = {
  'hold-unknown': {
    status: 404,
    title: 'Unknown legal hold',
    hint: 'GET /api/v1/streams/{name}/holds lists them.',
  },
  'deletion-unknown': { status: 404, title: 'Unknown deletion', hint: 'GET /api/v1/deletions lists them.' },
} as const;

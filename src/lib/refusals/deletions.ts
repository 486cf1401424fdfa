/**
 * The errors of deletions and legal holds, a part of the table of all errors.
 * In: nothing. Out: rows for errors.ts.
 */

/** Keys are the stable codes. */
export const deletionRefusals = {
  'recording-held': {
    status: 409,
    title: 'A legal hold is on this recording',
    hint: 'An administrator can lift it: DELETE /api/v1/streams/{name}/holds/{id}.',
  },
  'hold-unknown': {
    status: 404,
    title: 'Unknown legal hold',
    hint: 'GET /api/v1/streams/{name}/holds lists them.',
  },
  'deletion-unknown': { status: 404, title: 'Unknown deletion', hint: 'GET /api/v1/deletions lists them.' },
} as const;

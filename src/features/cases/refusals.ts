/**
 * The error codes of cases, a part of the table of all errors.
 * In: nothing. Out: rows for lib/errors.ts.
 */

/** Keys are the stable codes. */
export const caseRefusals = {
  'case-unknown': { status: 404, title: 'Unknown case', hint: 'GET /api/v1/cases lists those that you may see.' },
  'case-range-unknown': {
    status: 404,
    title: 'Unknown range of a case',
    hint: 'GET /api/v1/cases/{id} lists the ranges of a case.',
  },
  'case-note-unknown': {
    status: 404,
    title: 'Unknown note of a case',
    hint: 'GET /api/v1/cases/{id} lists the notes of a case.',
  },
  'case-closed': {
    status: 409,
    title: 'The case is closed',
    hint: 'POST /api/v1/cases/{id}/reopen opens it again.',
  },
  'case-open': {
    status: 409,
    title: 'The case is open',
    hint: 'POST /api/v1/cases/{id}/close closes it and lifts its legal holds.',
  },
  'case-empty': { status: 409, title: 'The case has no range', hint: 'Add a range, then export the case.' },
} as const;

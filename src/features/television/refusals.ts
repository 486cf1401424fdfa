/**
 * The error codes of televisions, a part of the table of all errors.
 * In: nothing. Out: rows for lib/errors.ts.
 */

/** Keys are the stable codes. */
export const televisionRefusals = {
  'television-unknown': {
    status: 404,
    title: 'No television shows this code',
    hint: 'Codes are valid for ten minutes and once; enter the one that it shows now.',
  },
  'television-gone': {
    status: 410,
    title: 'The code of the television is not valid any more',
    hint: 'POST /api/v1/televisions creates another one.',
  },
} as const;

/**
 * The error codes of sets of angles, a part of the table of all errors.
 * In: nothing. Out: rows for lib/errors.ts.
 */

/** Keys are the stable codes. */
export const angleRefusals = {
  'angle-set-unknown': {
    status: 404,
    title: 'Unknown set of angles',
    hint: 'GET /api/v1/angle-sets lists those that you may see.',
  },
  'angle-unknown': {
    status: 404,
    title: 'Unknown member of a set of angles',
    hint: 'GET /api/v1/angle-sets/{id} lists the members of a set.',
  },
  'angle-not-recorded': {
    status: 409,
    title: 'This angle has no recording',
    hint: 'Clips and exports of a set have the members that are streams.',
  },
} as const;

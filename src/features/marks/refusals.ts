/**
 * The error codes of markers and pins, a part of the table of all errors.
 * In: nothing. Out: rows for lib/errors.ts.
 */

/** Keys are the stable codes. */
export const markRefusals = {
  'marker-unknown': {
    status: 404,
    title: 'Unknown marker',
    hint: 'GET /api/v1/streams/{name}/markers lists them.',
  },
  'pin-unknown': {
    status: 404,
    title: 'Unknown pin',
    hint: 'GET /api/v1/streams/{name}/pins lists them.',
  },
} as const;

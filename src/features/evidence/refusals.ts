/**
 * The error codes of evidence, a part of the table of all errors.
 * In: nothing. Out: rows for lib/errors.ts.
 */

/** Keys are the stable codes. */
export const evidenceRefusals = {
  'no-evidence': {
    status: 404,
    title: 'No evidence',
    hint: 'Media has evidence that was recorded while `evidence.enabled` was on, once its chain was signed.',
  },
} as const;

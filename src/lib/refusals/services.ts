/**
 * The errors of services that oxbow uses: databases and object stores. A part of the table of all errors.
 * In: nothing. Out: rows for errors.ts.
 */

/** Keys are the stable codes. */
export const serviceRefusals = {
  'service-unavailable': {
    status: 503,
    title: 'A service that oxbow uses does not answer',
    hint: 'Check the service. oxbow tries it again by itself; /health shows the state.',
  },
  'storage-failed': {
    status: 503,
    title: 'The object store does not answer',
    hint: 'Try again in a moment. Administrators see the reason in /health and in the log.',
  },
  'database-not-empty': {
    status: 409,
    title: 'The database is not empty',
    hint: 'Name an empty database, or delete what it has: --overwrite',
  },
} as const;

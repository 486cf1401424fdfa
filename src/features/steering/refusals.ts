/**
 * The error code of reports of edges, a part of the table of all errors.
 * In: nothing. Out: rows for lib/errors.ts.
 */

/** Keys are the stable codes. */
export const steeringRefusals = {
  'edge-report-refused': {
    status: 403,
    title: 'The report of the edge does not count',
    hint: 'Compare `--pathway` and `--token` of the edge with `steering.pathways` and `edges.token` of the server, and their clocks.',
  },
} as const;

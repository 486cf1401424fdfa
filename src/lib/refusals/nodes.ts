/**
 * Errors about the nodes of a cluster, a part of the table of all error codes.
 * In: nothing. Out: rows for lib/errors.
 */

/** The rows. */
export const nodeRefusals = {
  'node-unknown': {
    status: 404,
    title: 'Unknown node',
    hint: 'GET /api/v1/nodes lists the nodes of the cluster.',
  },
  'node-alive': {
    status: 409,
    title: 'The node is alive',
    hint: 'Stop it first. It is dead when it has ended, or has not renewed its lease for `cluster.takeover`.',
  },
  'node-not-empty': {
    status: 409,
    title: 'The node owns something',
    hint: 'What it owns may have its only files there: start the node again. If its disk is lost, start one with its name and an empty data folder, and delete there what has no files.',
  },
} as const;

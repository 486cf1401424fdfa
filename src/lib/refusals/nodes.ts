/**
 * The errors of the nodes of a cluster and of workers. A part of the table of all errors.
 * In: nothing. Out: rows for errors.ts.
 */

/** Keys are the stable codes. */
export const nodeRefusals = {
  'worker-unknown': {
    status: 404,
    title: 'Unknown worker',
    hint: 'Register again: POST /api/v1/workers. The server forgets workers that are silent for a minute.',
  },
  'worker-lost': {
    status: 503,
    title: 'The worker stopped answering',
    hint: 'Check the log of the worker: the job may need more memory than its machine has.',
  },
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

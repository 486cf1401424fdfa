/**
 * The errors of services that oxbow uses: databases, object stores, other nodes. A part of the table of all
 * errors.
 * In: nothing. Out: rows for errors.ts.
 */

/** Keys are the stable codes. */
export const serviceRefusals = {
  'service-unavailable': {
    status: 503,
    title: 'A service that oxbow uses does not answer',
    hint: 'Check the service. oxbow tries it again by itself; /health shows the state.',
  },
  'key-server-failed': {
    status: 503,
    title: 'No content key',
    hint: 'The key server does not answer as it should. Try again in a moment; recording continues meanwhile.',
  },
  'upgrade-failed': {
    status: 500,
    title: 'The new process did not take over',
    hint: 'The running process continues, and its log has the reason. Otherwise stop oxbow and start the new version.',
  },
  'storage-failed': {
    status: 503,
    title: 'The object store does not answer',
    hint: 'Try again in a moment. Administrators see the reason in /health and in the log.',
  },
  'database-not-empty': {
    status: 409,
    title: 'The database is not empty',
    hint: 'Name an empty database, or replace the content of this one with --overwrite.',
  },
  'sealed-elsewhere': {
    status: 409,
    title: 'Another key has sealed the address',
    hint: 'Give the server the key that sealed it (`watchSecret`, `cluster.secret`, or the file `watch-secret`), or enter the address with its password again.',
  },
  'database-superseded': {
    status: 503,
    title: 'Another database was promoted',
    hint: 'Name the promoted database in `store.url`, and make this one its replica: docs/9-run/regions.md. If this one shall be used all the same: oxbow db promote.',
  },
  'node-refused': {
    status: 503,
    title: 'A node of the cluster refused the signature of another one',
    hint: 'Run the same version with the same `cluster.secret` on all nodes, and let their clocks agree (NTP).',
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

/**
 * The metrics of accounts, a part of the table of all metrics.
 * In: nothing. Out: rows for observe/metric-table.
 */
import type { MetricRow } from './metric-row.ts';

/** The rows. */
export const accountMetrics = {
  users: {
    type: 'gauge',
    name: 'oxbow_users',
    across: 'max',
    labels: ['role'],
    help: 'Users by role: guest, user, admin.',
  },
  sessions: { type: 'gauge', name: 'oxbow_sessions', across: 'max', labels: [], help: 'Browsers that are signed in.' },
  passwordsWaiting: {
    type: 'gauge',
    name: 'oxbow_passwords_waiting',
    labels: [],
    help: 'Passwords that wait to be hashed. At 64, further sign-ins are answered with 503.',
  },
  auditLost: {
    type: 'counter',
    name: 'oxbow_audit_lost_total',
    labels: [],
    help: 'Lines that are missing in the stored audit log, because there were too many at once or the database failed.',
  },
} as const satisfies Record<string, MetricRow>;

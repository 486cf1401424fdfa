/**
 * The metrics of services outside of the process, a part of the table of all metrics.
 * In: nothing. Out: rows for observe/metric-table.
 */
import type { MetricRow } from '../metric-row.ts';

/** The rows. */
export const serviceMetrics = {
  breakerState: {
    type: 'gauge',
    name: 'oxbow_breaker_state',
    across: 'max',
    labels: ['service'],
    help: 'State of the circuit breaker of a service: 0 closed (it answers), 1 a trial is in progress, 2 open (it is not called).',
  },
  breakerOpened: {
    type: 'counter',
    name: 'oxbow_breaker_opened_total',
    labels: ['service'],
    help: 'Times a service had not answered several times in a row, so that it was not called for a while. Failed trials are not counted.',
  },
  eventsWaiting: {
    type: 'gauge',
    name: 'oxbow_events_waiting',
    labels: [],
    help: 'Events of this node that wait for Redis or NATS.',
  },
  leasesUnconfirmed: {
    type: 'counter',
    name: 'oxbow_leases_unconfirmed_total',
    labels: [],
    help: 'Leases that were taken, renewed or released without a confirmation by Redis: the node continues alone.',
  },
  clusterShadow: {
    type: 'counter',
    name: 'oxbow_cluster_shadow_total',
    labels: ['part', 'result'],
    help: 'With `cluster.shadow`: comparisons of Redis or NATS with the engine in charge, by part (leases, events) and result: same, different, failed (no answer).',
  },
} as const satisfies Record<string, MetricRow>;

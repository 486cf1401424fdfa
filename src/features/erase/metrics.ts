/**
 * The metric of deletions, a part of the table of all metrics.
 * In: nothing. Out: a row for observe/recording-metrics.
 */
import type { MetricRow } from '../../observe/metric-row.ts';

/** The rows. */
export const eraseMetrics = {
  deletionsWaiting: {
    type: 'gauge',
    name: 'oxbow_deletions_waiting',
    across: 'max',
    labels: [],
    help: 'Deletions of ranges on request that have not reached every file, copy and cache yet.',
  },
} as const satisfies Record<string, MetricRow>;

/**
 * The metrics of Web Push, a part of the table of all metrics.
 * In: nothing. Out: rows for observe/metric-table.ts.
 */
import type { MetricRow } from '../../observe/metric-row.ts';

/** The rows. */
export const pushMetrics = {
  pushMessages: {
    type: 'counter',
    name: 'oxbow_push_messages_total',
    labels: ['kind', 'result'],
    help: 'Messages for browsers by Web Push, by kind (live, clips, alarms, test): sent, gone (the browser has ended its subscription), failed, or dropped (too many waited).',
  },
  pushWaiting: {
    type: 'gauge',
    name: 'oxbow_push_waiting',
    labels: [],
    help: 'Messages that wait for the push services of browsers; absent before the first one.',
  },
} as const satisfies Record<string, MetricRow>;

/**
 * The metrics of healing, a part of the table of all metrics.
 * In: nothing. Out: rows for observe/metric-table.ts.
 */
import type { MetricRow } from '../../observe/metric-row.ts';

/** The rows. */
export const healingMetrics = {
  healingAttempts: {
    type: 'counter',
    name: 'oxbow_healing_attempts_total',
    labels: ['stream', 'result'],
    help: 'Attempts to fill a gap of a recording, by result: healed, partly, waiting (it is tried again), lost.',
  },
  healedSeconds: {
    type: 'counter',
    name: 'oxbow_healed_seconds_total',
    labels: ['stream', 'source'],
    help: 'Media that was missing in a recording and was found later, seconds.',
  },
  healingWaiting: {
    type: 'gauge',
    name: 'oxbow_healing_gaps_waiting',
    labels: [],
    help: 'Gaps of recordings that are tried again.',
  },
} as const satisfies Record<string, MetricRow>;

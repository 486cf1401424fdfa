/**
 * The metrics of alarms, a part of the table of all metrics.
 * In: nothing. Out: rows for observe/metric-table.ts.
 */
import type { MetricRow } from '../../observe/metric-row.ts';

/** The rows. */
export const alarmMetrics = {
  alarmActive: {
    type: 'gauge',
    name: 'oxbow_alarm_active',
    labels: ['stream', 'alarm'],
    help: 'Whether an alarm of the stream is active: 1, or 0 once it was cleared.',
  },
  alarmsRaised: {
    type: 'counter',
    name: 'oxbow_alarms_total',
    labels: ['stream', 'alarm'],
    help: 'Alarms that were raised.',
  },
  alarmsLost: {
    type: 'counter',
    name: 'oxbow_alarm_records_lost_total',
    labels: ['what'],
    help: 'Records that the database did not take: alarm (it was published nevertheless), journal (an event of the history of a stream).',
  },
} as const satisfies Record<string, MetricRow>;

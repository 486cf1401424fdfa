/**
 * Metrics of oxbow itself: bugs, log lines, traces.
 * In: nothing. Out: rows of metric-table.
 */
import type { MetricRow } from './metric-row.ts';

/** The rows. */
export const logMetrics = {
  bugs: {
    type: 'counter',
    name: 'oxbow_bugs_total',
    labels: [],
    help: 'Bugs in oxbow that ended a stream, a request or a recorded segment; should stay 0.',
  },
  logSuppressed: {
    type: 'counter',
    name: 'oxbow_log_lines_suppressed_total',
    labels: ['reason'],
    help: 'Lines that were not written, by reason: repeated, or budget if a stream has used its log budget of the day.',
  },
  spans: {
    type: 'counter',
    name: 'oxbow_trace_spans_total',
    labels: ['kind'],
    help: 'Spans handed to tracing, by kind: request, pass-on, fetch, webhook, job, database, publish, record, playback.',
  },
  logLines: { type: 'counter', name: 'oxbow_log_lines_total', labels: ['level'], help: 'Lines logged, by level.' },
  telemetryLost: {
    type: 'counter',
    name: 'oxbow_telemetry_lost_total',
    labels: ['signal'],
    help: 'Spans and log records that the collector did not accept, or that did not fit in the queue, by signal: traces, logs.',
  },
  errorReports: {
    type: 'counter',
    name: 'oxbow_error_reports_total',
    labels: ['result'],
    help: 'Reports of errors by result: sent, failed after all tries, or dropped because too many waited or were sent within a minute.',
  },
} as const satisfies Record<string, MetricRow>;
